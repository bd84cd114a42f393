(* The resolution law (claim R1). Coq's real numbers.

   In words. The ROC curve is s^theta, 0 < theta < 1. By claim S1 the minimiser of the OPAUC(beta) surrogate orders up to
   the point A where the tangent from (beta, 1) touches the curve. Here, for 0 < A:
     1. the tangent at A has slope theta A^(theta-1), lies above the curve, and passes through (beta, 1) exactly if
        theta beta = A^(1-theta) - (1-theta) A; in other words beta = A^(1-theta)/theta (1 - (1-theta) A^theta);
     2. every beta in (0, 1) has exactly one such A in (0, 1), and A < beta; at theta = 1/2 it is (1 - sqrt(1-beta))^2;
     3. beta rises strictly with A on (0, 1], with elasticity (1-theta)(1-A^theta)/(1-(1-theta)A^theta) < 1-theta.
   That the minimiser stops at the tangent's point is not proved here: claim S1 checks it. *)

From Coq Require Import Reals Lra.
Local Open Scope R_scope.

Section Resolution.

Variable theta : R.
Hypothesis theta_range : 0 < theta < 1.

Definition roc (s : R) : R := Rpower s theta.
Definition slope (s : R) : R := theta * Rpower s (theta - 1).
Definition cut (A : R) : R := (Rpower A (1 - theta) - (1 - theta) * A) / theta.

Lemma Rpower_pos x y : 0 < Rpower x y.
Proof. apply exp_pos. Qed.

Lemma power_split A : 0 < A -> Rpower A (theta - 1) * Rpower A (1 - theta) = 1.
Proof. intros H. rewrite <- Rpower_plus. replace (theta - 1 + (1 - theta)) with 0 by ring. now apply Rpower_O. Qed.

Lemma power_less A : 0 < A -> Rpower A (theta - 1) * A = Rpower A theta.
Proof.
  intros H. rewrite <- (Rpower_1 A H) at 2. rewrite <- Rpower_plus. f_equal. ring.
Qed.

Lemma power_back A : 0 < A -> Rpower A theta * Rpower A (1 - theta) = A.
Proof.
  intros H. rewrite <- Rpower_plus. replace (theta + (1 - theta)) with 1 by ring. now apply Rpower_1.
Qed.

(* ---- 1. the tangent ---- *)

Theorem slope_is_the_derivative A : 0 < A -> derivable_pt_lim roc A (slope A).
Proof. intros H. unfold roc, slope. now apply derivable_pt_lim_power. Qed.

Theorem curve_lies_under_its_tangent A s : 0 < A -> 0 < s -> roc s <= roc A + slope A * (s - A).
Proof.
  intros HA Hs. unfold roc, slope.
  (* s^theta = A^theta r^theta with r = s / A, and r^theta <= theta r + 1 - theta by the convexity of exp *)
  set (y := ln s - ln A). assert (Er : exp y * A = s).
  { unfold y, Rminus. rewrite exp_plus, exp_Ropp, !exp_ln by assumption. field. lra. }
  assert (Ep : Rpower s theta = Rpower A theta * exp (theta * y)).
  { unfold Rpower. rewrite <- exp_plus. f_equal. unfold y. ring. }
  assert (Hc : exp (theta * y) <= theta * exp y + (1 - theta)).
  { pose proof (exp_ineq1_le (y - theta * y)) as H1. pose proof (exp_ineq1_le (0 - theta * y)) as H0.
    pose proof (exp_pos (theta * y)) as Hp.
    assert (E1 : exp y = exp (theta * y) * exp (y - theta * y)) by (rewrite <- exp_plus; f_equal; ring).
    assert (E0 : 1 = exp (theta * y) * exp (0 - theta * y)).
    { rewrite <- exp_plus. replace (theta * y + (0 - theta * y)) with 0 by ring. now rewrite exp_0. }
    rewrite E1. replace (1 - theta) with ((1 - theta) * (exp (theta * y) * exp (0 - theta * y))) by (rewrite <- E0; ring).
    apply Rle_trans with (exp (theta * y) * (theta * (1 + (y - theta * y)) + (1 - theta) * (1 + (0 - theta * y)))).
    - right. ring.
    - replace (theta * (exp (theta * y) * exp (y - theta * y)) + (1 - theta) * (exp (theta * y) * exp (0 - theta * y)))
        with (exp (theta * y) * (theta * exp (y - theta * y) + (1 - theta) * exp (0 - theta * y))) by ring.
      apply Rmult_le_compat_l; [lra|]. apply Rplus_le_compat; apply Rmult_le_compat_l; lra. }
  rewrite Ep. apply Rle_trans with (Rpower A theta * (theta * exp y + (1 - theta))).
  - apply Rmult_le_compat_l; [left; apply Rpower_pos|exact Hc].
  - right. rewrite <- (power_less A HA). rewrite <- Er. ring.
Qed.

Theorem tangent_condition A beta : 0 < A -> (slope A * (beta - A) = 1 - roc A <-> beta = cut A).
Proof.
  intros HA. unfold slope, roc, cut. pose proof (power_split A HA) as S. pose proof (power_less A HA) as P.
  pose proof (Rpower_pos A (1 - theta)) as Hp. split; intros H.
  - apply (f_equal (fun x => x * Rpower A (1 - theta))) in H.
    replace (theta * Rpower A (theta - 1) * (beta - A) * Rpower A (1 - theta))
      with (theta * (beta - A) * (Rpower A (theta - 1) * Rpower A (1 - theta))) in H by ring.
    rewrite S in H. replace ((1 - Rpower A theta) * Rpower A (1 - theta)) with (Rpower A (1 - theta) - A) in H.
    + apply (Rmult_eq_reg_l theta); [|lra].
      replace (theta * ((Rpower A (1 - theta) - (1 - theta) * A) / theta)) with (Rpower A (1 - theta) - (1 - theta) * A)
        by (field; lra). lra.
    + rewrite Rmult_minus_distr_r, (power_back A HA). ring.
  - subst beta. rewrite <- P.
    replace (theta * Rpower A (theta - 1) * ((Rpower A (1 - theta) - (1 - theta) * A) / theta - A))
      with (Rpower A (theta - 1) * Rpower A (1 - theta) - Rpower A (theta - 1) * A) by (field; lra).
    now rewrite S.
Qed.

Theorem cut_relative_to_power A : 0 < A ->
  cut A = Rpower A (1 - theta) / theta * (1 - (1 - theta) * Rpower A theta).
Proof.
  intros HA. unfold cut. rewrite <- (power_back A HA) at 2. field. lra.
Qed.

(* ---- 3. beta rises with A ---- *)

Lemma power_below_one A y : 0 < A < 1 -> 0 < y -> Rpower A y < 1.
Proof.
  intros HA Hy. unfold Rpower. rewrite <- exp_0. apply exp_increasing.
  assert (ln A < 0) by (rewrite <- ln_1; apply ln_increasing; lra).
  replace 0 with (y * 0) by ring. apply Rmult_lt_compat_l; lra.
Qed.

Definition cut_slope (A : R) : R := (1 - theta) / theta * (Rpower A (- theta) - 1).

Lemma cut_derivative A : 0 < A -> derivable_pt_lim cut A (cut_slope A).
Proof.
  intros HA. unfold cut, cut_slope.
  replace ((1 - theta) / theta * (Rpower A (- theta) - 1))
    with (/ theta * ((1 - theta) * Rpower A (1 - theta - 1) - (1 - theta) * 1)).
  - apply derivable_pt_lim_ext with (fun x => / theta * (Rpower x (1 - theta) - (1 - theta) * x)).
    + intros x. field. lra.
    + apply (derivable_pt_lim_scal (fun x => Rpower x (1 - theta) - (1 - theta) * x)).
      apply (derivable_pt_lim_minus (fun x => Rpower x (1 - theta)) (fun x => (1 - theta) * x)).
      * now apply derivable_pt_lim_power.
      * apply (derivable_pt_lim_scal (fun x => x)). apply derivable_pt_lim_id.
  - replace (1 - theta - 1) with (- theta) by ring. field. lra.
Qed.

Lemma cut_slope_pos A : 0 < A < 1 -> 0 < cut_slope A.
Proof.
  intros HA. unfold cut_slope. apply Rmult_lt_0_compat; [apply Rdiv_lt_0_compat; lra|].
  rewrite Rpower_Ropp. pose proof (power_below_one A theta HA ltac:(lra)) as H. pose proof (Rpower_pos A theta).
  assert (1 < / Rpower A theta); [|lra]. rewrite <- Rinv_1. apply Rinv_lt_contravar; lra.
Qed.

Theorem cut_strictly_increasing A B : 0 < A -> A < B -> B <= 1 -> cut A < cut B.
Proof.
  intros HA HAB HB.
  destruct (MVT_cor2 cut cut_slope A B HAB) as (c & E & Hc).
  - intros c Hc. apply cut_derivative. lra.
  - assert (0 < cut_slope c) by (apply cut_slope_pos; lra).
    assert (0 < cut_slope c * (B - A)) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

Lemma cut_one : cut 1 = 1.
Proof. unfold cut. unfold Rpower. rewrite ln_1, Rmult_0_r, exp_0. field. lra. Qed.

Theorem cut_elasticity A : 0 < A < 1 ->
  A * cut_slope A / cut A = (1 - theta) * (1 - Rpower A theta) / (1 - (1 - theta) * Rpower A theta) /\
  A * cut_slope A / cut A < 1 - theta.
Proof.
  intros HA. pose proof (Rpower_pos A theta) as Hp. pose proof (power_below_one A theta HA ltac:(lra)) as Hq.
  pose proof (Rpower_pos A (1 - theta)) as Hr.
  assert (Hm : (1 - theta) * Rpower A theta < 1 - theta).
  { rewrite <- (Rmult_1_r (1 - theta)) at 2. apply Rmult_lt_compat_l; lra. }
  assert (E : A * cut_slope A / cut A = (1 - theta) * (1 - Rpower A theta) / (1 - (1 - theta) * Rpower A theta)).
  { rewrite cut_relative_to_power by lra. unfold cut_slope. rewrite Rpower_Ropp.
    rewrite <- (power_back A) at 1 by lra. field. repeat split; lra. }
  split; [exact E|]. rewrite E.
  apply (Rmult_lt_reg_r (1 - (1 - theta) * Rpower A theta)); [lra|].
  unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. apply Rmult_lt_compat_l; [lra|].
  assert (0 < theta * Rpower A theta) by (apply Rmult_lt_0_compat; lra). lra.
Qed.

Theorem resolution_below_cut A : 0 < A < 1 -> A < cut A < 1.
Proof.
  intros HA. split; [|rewrite <- cut_one; apply cut_strictly_increasing; lra].
  assert (A < Rpower A (1 - theta)) as H.
  { rewrite <- (power_back A) at 1 by lra. rewrite <- (Rmult_1_l (Rpower A (1 - theta))) at 2.
    apply Rmult_lt_compat_r; [apply Rpower_pos|apply power_below_one; lra]. }
  unfold cut. apply (Rmult_lt_reg_r theta); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
Qed.

(* ---- 2. one A for every beta ---- *)

(* cut in the coordinate log A, where it is continuous everywhere *)
Lemma cut_exp x : cut (exp x) = (exp ((1 - theta) * x) - (1 - theta) * exp x) / theta.
Proof. unfold cut, Rpower. now rewrite ln_exp. Qed.

Theorem one_resolution beta : 0 < beta < 1 -> exists! A, 0 < A < 1 /\ beta = cut A.
Proof.
  intros Hb. set (f := fun x => (exp ((1 - theta) * x) - (1 - theta) * exp x) / theta - beta).
  assert (Hc : continuity f) by (unfold f; reg).
  assert (Htb : 0 < theta * beta < 1).
  { split; [apply Rmult_lt_0_compat; lra|]. rewrite <- (Rmult_1_l 1). apply Rmult_gt_0_lt_compat; lra. }
  set (x0 := ln (theta * beta) / (1 - theta)).
  assert (Hl : ln (theta * beta) < 0) by (rewrite <- ln_1; apply ln_increasing; lra).
  assert (Hx : x0 < 0).
  { unfold x0, Rdiv. rewrite <- (Rmult_0_l (/ (1 - theta))). apply Rmult_lt_compat_r; [apply Rinv_0_lt_compat|]; lra. }
  assert (H0 : f x0 < 0).
  { unfold f. replace ((1 - theta) * x0) with (ln (theta * beta)) by (unfold x0; field; lra). rewrite exp_ln by lra.
    replace ((theta * beta - (1 - theta) * exp x0) / theta - beta) with (- ((1 - theta) / theta * exp x0)) by (field; lra).
    apply Ropp_lt_gt_0_contravar. apply Rmult_lt_0_compat; [apply Rdiv_lt_0_compat; lra|apply exp_pos]. }
  assert (H1 : 0 < f 0).
  { unfold f. rewrite Rmult_0_r, exp_0. replace ((1 - (1 - theta) * 1) / theta) with 1 by (field; lra). lra. }
  destruct (IVT f x0 0 Hc Hx H0 H1) as (z & Hz & E). exists (exp z).
  assert (Hz0 : z < 0) by (destruct (Req_dec z 0) as [->|]; lra).
  assert (HA : 0 < exp z < 1) by (split; [apply exp_pos|rewrite <- exp_0; now apply exp_increasing]).
  assert (Ez : beta = cut (exp z)) by (rewrite cut_exp; unfold f in E; lra).
  split; [now split|]. intros B [HB EB].
  destruct (Rtotal_order (exp z) B) as [H|[H|H]]; [|exact H|].
  - pose proof (cut_strictly_increasing (exp z) B). lra.
  - pose proof (cut_strictly_increasing B (exp z)). lra.
Qed.

End Resolution.

Theorem resolution_at_one_half beta : 0 < beta < 1 ->
  let A := (1 - sqrt (1 - beta)) * (1 - sqrt (1 - beta)) in 0 < A < 1 /\ beta = cut (1 / 2) A.
Proof.
  intros Hb A. set (r := sqrt (1 - beta)).
  assert (Hr : 0 < r) by (apply sqrt_lt_R0; lra). assert (Er : r * r = 1 - beta) by (apply sqrt_sqrt; lra).
  assert (Hr1 : r < 1).
  { apply Rnot_le_lt. intros H. assert (1 * 1 <= r * r) by (apply Rmult_le_compat; lra). lra. }
  assert (HA : 0 < A) by (unfold A; fold r; apply Rmult_lt_0_compat; lra).
  split.
  - split; [exact HA|]. unfold A. fold r. rewrite <- (Rmult_1_l 1) at 3. apply Rmult_gt_0_lt_compat; lra.
  - unfold cut. replace (1 - 1 / 2) with (/ 2) by lra. rewrite Rpower_sqrt by exact HA.
    replace (sqrt A) with (1 - r) by (unfold A; fold r; rewrite sqrt_square; lra).
    unfold A. fold r. field_simplify. nra.
Qed.
