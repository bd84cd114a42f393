(* Theorem 2, the temperature lambda* exists (claims T2b, T2e). Coq's real numbers.

   In words. n losses, c of them maximal, not all of them. KL(tilt at lambda) takes every value rho in (0, log(n/c)) at
   some lambda > 0 (the intermediate value theorem in 1/lambda), exactly one by T2.v; no lambda reaches log(n/c).
   And KL(tilt at lambda) = rho says the same as the fixed point (22), lambda = E_Q L / (rho + log E exp(L/lambda)). *)

From Coq Require Import Reals Lra Lia Arith.
From HNS Require Import T2.
Local Open Scope R_scope.

Lemma sum_minus n f g : sum n (fun i => f i - g i) = sum n f - sum n g.
Proof. induction n as [|n IH]; simpl; [lra|]. rewrite IH. ring. Qed.

Lemma sum_nonneg n f : (forall i, (i < n)%nat -> 0 <= f i) -> 0 <= sum n f.
Proof.
  intros H. replace 0 with (sum n (fun _ => 0 * 1)) by (rewrite sum_scale; ring).
  apply sum_le. intros i Hi. rewrite Rmult_0_l. now apply H.
Qed.

Lemma sum_const n c : sum n (fun _ => c) = c * INR n.
Proof. rewrite <- sum_one, <- sum_scale. apply sum_ext. intros. ring. Qed.

Lemma sum_continuous n (f : nat -> R -> R) : (forall i, continuity (f i)) -> continuity (fun t => sum n (fun i => f i t)).
Proof.
  intros H. induction n as [|n IH]; simpl; [apply continuity_const; now intros x y|].
  apply (continuity_plus (fun t => sum n (fun i => f i t)) (f n)); [exact IH|apply H].
Qed.

Lemma exp_neg_le x : 0 < x -> exp (- x) <= / x.
Proof.
  intros Hx. rewrite exp_Ropp. apply Rinv_le_contravar; [exact Hx|].
  pose proof (exp_ineq1_le x). lra.
Qed.

(* x exp(-x) <= 4/x, from exp x = (exp(x/2))^2 >= (1 + x/2)^2. *)
Lemma linear_exp_neg_le x : 0 < x -> x * exp (- x) <= 4 * / x.
Proof.
  intros Hx. assert (H : x * x <= 4 * exp x).
  { replace x with (x / 2 + x / 2) at 3 by field. rewrite exp_plus.
    pose proof (exp_ineq1_le (x / 2)) as H. assert (0 <= x / 2 <= exp (x / 2)) as Hh by lra.
    assert (x / 2 * (x / 2) <= exp (x / 2) * exp (x / 2)) by (apply Rmult_le_compat; lra). lra. }
  rewrite exp_Ropp. pose proof (exp_pos x) as He.
  apply (Rmult_le_reg_r (exp x * x)); [now apply Rmult_lt_0_compat|].
  replace (x * / exp x * (exp x * x)) with (x * x) by (field; lra).
  replace (4 * / x * (exp x * x)) with (4 * exp x) by (field; lra). exact H.
Qed.

Section Star.

Variable n : nat.
Hypothesis n_pos : (0 < n)%nat.
Variable L : nat -> R.
Variable top : R.
Hypothesis top_is_largest : forall i, (i < n)%nat -> L i <= top.
Hypothesis top_is_reached : exists i, (i < n)%nat /\ L i = top.

(* c, the number of maximal losses. *)
Definition is_top (i : nat) : R := if Req_EM_T (L i) top then 1 else 0.
Definition maxima : R := sum n is_top.

Lemma maxima_ge_1 : 1 <= maxima.
Proof.
  destruct top_is_reached as (k & Hk & Ek). unfold maxima.
  assert (forall m, (k < m)%nat -> 1 <= sum m is_top) as H; [|now apply H].
  assert (P : forall i, 0 <= is_top i <= 1) by (intros i; unfold is_top; destruct (Req_EM_T (L i) top); lra).
  induction m as [|m IH]; intros Hm; [lia|]. simpl. destruct (Nat.eq_dec k m) as [<-|Hne].
  - assert (0 <= sum k is_top) by (apply sum_nonneg; intros; apply P).
    assert (is_top k = 1) by (unfold is_top; destruct (Req_EM_T (L k) top); [reflexivity|contradiction]). lra.
  - assert (1 <= sum m is_top) by (apply IH; lia). pose proof (P m). lra.
Qed.

(* ---- KL of the tilt as a function of t = 1/lambda, defined and continuous for every real t ---- *)

Definition Z (t : R) : R := sum n (fun i => exp (t * L i)).
Definition kl_at (t : R) : R := t * (sum n (fun i => L i * exp (t * L i)) / Z t) - ln (Z t / INR n).

Lemma Z_pos t : 0 < Z t.
Proof. apply sum_pos; [exact n_pos|]. intros. apply exp_pos. Qed.

Lemma n_real_pos : 0 < INR n.
Proof. apply lt_0_INR. exact n_pos. Qed.

Lemma Z_continuous : continuity Z.
Proof. apply (sum_continuous n (fun i t => exp (t * L i))). intros i. reg. Qed.

Lemma kl_at_continuous : continuity kl_at.
Proof.
  unfold kl_at. intros t. pose proof (Z_pos t) as HZ. pose proof n_real_pos as Hn.
  apply (continuity_pt_minus (fun t => t * (sum n (fun i => L i * exp (t * L i)) / Z t)) (fun t => ln (Z t / INR n))).
  - apply (continuity_pt_mult id (fun t => sum n (fun i => L i * exp (t * L i)) / Z t)).
    + apply derivable_continuous_pt, derivable_pt_id.
    + apply (continuity_pt_div (fun t => sum n (fun i => L i * exp (t * L i))) Z); [|apply Z_continuous|lra].
      apply (sum_continuous n (fun i t => L i * exp (t * L i))). intros i. reg.
  - apply (continuity_pt_comp (fun t => Z t / INR n) ln).
    + apply (continuity_pt_div Z (fun _ => INR n)); [apply Z_continuous| |lra].
      apply continuity_pt_const. now intros x y.
    + apply derivable_continuous_pt. exists (/ (Z t / INR n)). apply derivable_pt_lim_ln. now apply Rdiv_lt_0_compat.
Qed.

Lemma kl_of_tilt lambda : 0 < lambda -> KL n (tilt n L lambda) = kl_at (/ lambda).
Proof.
  intros Hl. pose proof (tilt_attains_donsker_varadhan n n_pos L lambda Hl) as E.
  pose proof n_real_pos as Hn. pose proof (Z_pos (/ lambda)) as HZ.
  assert (Em : mean_exp n L lambda = Z (/ lambda) / INR n).
  { unfold mean_exp, Z. f_equal. apply sum_ext. intros i _. f_equal. unfold Rdiv. ring. }
  assert (Ee : expectation n L (tilt n L lambda) = sum n (fun i => L i * exp (/ lambda * L i)) / Z (/ lambda)).
  { unfold expectation, tilt. rewrite Em.
    rewrite (sum_ext n _ (fun i => / Z (/ lambda) * (L i * exp (/ lambda * L i)))).
    - rewrite sum_scale. unfold Rdiv. ring.
    - intros i _. replace (L i / lambda) with (/ lambda * L i) by (unfold Rdiv; ring). field. split; lra. }
  unfold kl_at. rewrite <- Ee, <- Em, E. field. lra.
Qed.

Lemma kl_at_zero : kl_at 0 = 0.
Proof.
  unfold kl_at. assert (Z 0 = INR n) as ->.
  { unfold Z. rewrite <- (sum_one n). apply sum_ext. intros i _. rewrite Rmult_0_l. apply exp_0. }
  pose proof n_real_pos. replace (INR n / INR n) with 1 by (field; lra). rewrite ln_1. ring.
Qed.

(* ---- from below: log(n/c) - 5 n / (t gap) ---- *)

(* the smallest distance of a loss that is not maximal *)
Lemma gap_exists : exists gap, 0 < gap /\ forall i, (i < n)%nat -> L i = top \/ gap <= top - L i.
Proof.
  assert (forall m, (m <= n)%nat -> exists gap, 0 < gap /\ forall i, (i < m)%nat -> L i = top \/ gap <= top - L i) as H.
  { induction m as [|m IH]; intros Hm; [exists 1; split; [lra|intros i Hi; lia]|].
    destruct (IH ltac:(lia)) as (g & Hg & H). destruct (Req_EM_T (L m) top) as [E|E].
    - exists g. split; [exact Hg|]. intros i Hi. destruct (Nat.eq_dec i m) as [->|]; [now left|apply H; lia].
    - pose proof (top_is_largest m ltac:(lia)) as Hle. exists (Rmin g (top - L m)).
      split; [apply Rmin_glb_lt; lra|]. intros i Hi. destruct (Nat.eq_dec i m) as [->|].
      + right. apply Rmin_r.
      + destruct (H i ltac:(lia)) as [H1|H1]; [now left|right]. eapply Rle_trans; [apply Rmin_l|exact H1]. }
  exact (H n (le_n n)).
Qed.

Lemma kl_at_shifted t : let S := sum n (fun i => exp (- (t * (top - L i)))) in
  kl_at t = - (sum n (fun i => t * (top - L i) * exp (- (t * (top - L i)))) / S) - ln (S / INR n).
Proof.
  intros S. assert (HS : 0 < S) by (apply sum_pos; [exact n_pos|intros; apply exp_pos]).
  pose proof n_real_pos as Hn. pose proof (exp_pos (t * top)) as He.
  assert (EZ : Z t = exp (t * top) * S).
  { unfold Z, S. rewrite <- sum_scale. apply sum_ext. intros i _. rewrite <- exp_plus. f_equal. ring. }
  assert (EN : sum n (fun i => t * (top - L i) * exp (- (t * (top - L i)))) * exp (t * top) =
               t * top * Z t - t * sum n (fun i => L i * exp (t * L i))).
  { unfold Z. rewrite Rmult_comm, <- !sum_scale, <- sum_minus. apply sum_ext. intros i _.
    replace (exp (t * L i)) with (exp (t * top) * exp (- (t * (top - L i)))); [ring|].
    rewrite <- exp_plus. f_equal. ring. }
  unfold kl_at. replace (Z t / INR n) with (exp (t * top) * (S / INR n)) by (rewrite EZ; field; lra).
  rewrite ln_mult by (try exact He; now apply Rdiv_lt_0_compat). rewrite ln_exp.
  replace (sum n (fun i => t * (top - L i) * exp (- (t * (top - L i)))))
    with ((t * top * Z t - t * sum n (fun i => L i * exp (t * L i))) / exp (t * top)) by (rewrite <- EN; field; lra).
  rewrite EZ. field. split; lra.
Qed.

Lemma kl_at_from_below gap t : 0 < gap -> 0 < t -> (forall i, (i < n)%nat -> L i = top \/ gap <= top - L i) ->
  ln (INR n / maxima) - 5 * INR n * / (t * gap) <= kl_at t.
Proof.
  intros Hg Ht H. pose proof n_real_pos as Hn. pose proof maxima_ge_1 as Hc. rewrite kl_at_shifted.
  set (S := sum n (fun i => exp (- (t * (top - L i))))).
  assert (Htg : 0 < t * gap) by now apply Rmult_lt_0_compat.
  assert (Hinv : 0 < / (t * gap)) by now apply Rinv_0_lt_compat.
  assert (term : forall i, (i < n)%nat -> is_top i <= exp (- (t * (top - L i))) <= is_top i + / (t * gap) /\
                                          0 <= t * (top - L i) * exp (- (t * (top - L i))) <= 4 * / (t * gap)).
  { intros i Hi. unfold is_top. destruct (Req_EM_T (L i) top) as [E|E].
    - rewrite E. replace (top - top) with 0 by ring. rewrite Rmult_0_r, Ropp_0, exp_0. lra.
    - destruct (H i Hi) as [|Hi']; [contradiction|]. set (x := t * (top - L i)).
      assert (Hx : t * gap <= x) by (apply Rmult_le_compat_l; lra). assert (Hx0 : 0 < x) by lra.
      pose proof (exp_pos (- x)). pose proof (exp_neg_le x Hx0) as A. pose proof (linear_exp_neg_le x Hx0) as B.
      assert (/ x <= / (t * gap)) by now apply Rinv_le_contravar.
      assert (0 <= x * exp (- x)) by (apply Rmult_le_pos; lra). lra. }
  assert (HS1 : maxima <= S) by (apply sum_le; intros i Hi; now apply term).
  assert (HS2 : S <= maxima + INR n * / (t * gap)).
  { apply Rle_trans with (sum n (fun i => is_top i + / (t * gap))); [apply sum_le; intros i Hi; now apply term|].
    rewrite sum_plus, sum_const. fold maxima. lra. }
  assert (HN : sum n (fun i => t * (top - L i) * exp (- (t * (top - L i)))) <= 4 * INR n * / (t * gap)).
  { apply Rle_trans with (sum n (fun _ => 4 * / (t * gap))); [apply sum_le; intros i Hi; now apply term|].
    rewrite sum_const. lra. }
  assert (HN0 : 0 <= sum n (fun i => t * (top - L i) * exp (- (t * (top - L i))))).
  { apply sum_nonneg. intros i Hi. now apply term. }
  assert (HA : sum n (fun i => t * (top - L i) * exp (- (t * (top - L i)))) / S <= 4 * INR n * / (t * gap)).
  { apply (Rmult_le_reg_r S); [lra|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
    assert (0 < 4 * INR n * / (t * gap)) by (apply Rmult_lt_0_compat; lra).
    apply Rle_trans with (4 * INR n * / (t * gap) * 1); [lra|]. apply Rmult_le_compat_l; lra. }
  assert (HB : ln (S / INR n) <= - ln (INR n / maxima) + INR n * / (t * gap)).
  { assert (E : S / INR n = / (INR n / maxima) * (S / maxima)) by (field; lra).
    rewrite E, ln_mult; [|apply Rinv_0_lt_compat; apply Rdiv_lt_0_compat; lra|apply Rdiv_lt_0_compat; lra].
    rewrite ln_Rinv by (apply Rdiv_lt_0_compat; lra). apply Rplus_le_compat_l.
    apply Rle_trans with (S / maxima - 1); [apply ln_le_sub1; apply Rdiv_lt_0_compat; lra|].
    apply (Rmult_le_reg_r maxima); [lra|].
    replace ((S / maxima - 1) * maxima) with (S - maxima) by (field; lra).
    assert (0 < INR n * / (t * gap)) by (apply Rmult_lt_0_compat; lra).
    apply Rle_trans with (INR n * / (t * gap) * 1); [lra|]. apply Rmult_le_compat_l; lra. }
  lra.
Qed.

(* ---- the theorems ---- *)

Theorem lambda_star_exists rho : 0 < rho < ln (INR n / maxima) ->
  exists lambda, 0 < lambda /\ KL n (tilt n L lambda) = rho.
Proof.
  intros Hr. destruct gap_exists as (gap & Hg & H). pose proof n_real_pos as Hn.
  set (room := ln (INR n / maxima) - rho). assert (Hroom : 0 < room) by (unfold room; lra).
  set (T := 10 * INR n / (gap * room)).
  assert (Hgr : 0 < gap * room) by now apply Rmult_lt_0_compat.
  assert (HT : 0 < T) by (apply Rdiv_lt_0_compat; lra).
  pose proof (kl_at_from_below gap T Hg HT H) as B.
  assert (E : 5 * INR n * / (T * gap) = room / 2) by (unfold T; field; repeat split; lra).
  rewrite E in B.
  assert (C : continuity (fun t => kl_at t - rho)).
  { apply (continuity_minus kl_at (fun _ => rho)); [apply kl_at_continuous|]. apply continuity_const. now intros x y. }
  destruct (IVT (fun t => kl_at t - rho) 0 T C HT) as (z & Hz & Ez).
  - rewrite kl_at_zero. lra.
  - unfold room in *. lra.
  - assert (Hz0 : z <> 0) by (intros ->; rewrite kl_at_zero in Ez; lra).
    exists (/ z). split; [apply Rinv_0_lt_compat; lra|].
    rewrite kl_of_tilt by (apply Rinv_0_lt_compat; lra). rewrite Rinv_inv. lra.
Qed.

(* No temperature gives more: every tilt lies in the ball q <= 1/c. *)
Theorem kl_of_tilt_at_most_log_share lambda : 0 < lambda -> KL n (tilt n L lambda) <= ln (INR n / maxima).
Proof.
  intros Hl. pose proof n_real_pos as Hn. pose proof maxima_ge_1 as Hc.
  apply (cvar_ball_in_kl_ball n n_pos). split; [now apply tilt_is_distribution|]. intros i Hi.
  rewrite exp_ln by (apply Rdiv_lt_0_compat; lra). replace (INR n / maxima / INR n) with (/ maxima) by (field; lra).
  apply (Rmult_le_reg_r maxima); [lra|]. rewrite Rinv_l by lra.
  destruct (tilt_is_distribution n n_pos L lambda) as [_ H1]. rewrite <- H1. unfold maxima. rewrite <- sum_scale.
  apply sum_le. intros j Hj. pose proof (tilt_pos n n_pos L lambda j) as Hp. unfold is_top.
  destruct (Req_EM_T (L j) top) as [E|E]; [|lra]. rewrite Rmult_1_r.
  unfold tilt, Rdiv. apply Rmult_le_compat_r.
  - left. apply Rinv_0_lt_compat. apply Rmult_lt_0_compat; [exact Hn|now apply mean_exp_pos].
  - assert (L i * / lambda <= L j * / lambda) as [H|H].
    + apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. rewrite E. now apply top_is_largest.
    + left. now apply exp_increasing.
    + rewrite H. right. reflexivity.
Qed.

(* The limit itself is not reached: half the temperature would pass it. *)
Theorem log_share_is_not_reached lambda : 0 < lambda -> (exists i j, (i < n)%nat /\ (j < n)%nat /\ L i <> L j) ->
  KL n (tilt n L lambda) < ln (INR n / maxima).
Proof.
  intros Hl HL. pose proof (kl_of_tilt_strictly_decreasing n n_pos L (lambda / 2) lambda ltac:(lra) HL).
  pose proof (kl_of_tilt_at_most_log_share (lambda / 2) ltac:(lra)). lra.
Qed.

(* Equation (22). *)
Theorem fixed_point_is_kl_equation rho lambda : 0 < lambda -> rho + ln (mean_exp n L lambda) <> 0 ->
  (lambda = expectation n L (tilt n L lambda) / (rho + ln (mean_exp n L lambda)) <-> KL n (tilt n L lambda) = rho).
Proof.
  intros Hl Hd. rewrite (tilt_attains_donsker_varadhan n n_pos L lambda Hl).
  set (m := ln (mean_exp n L lambda)) in *. set (k := KL n (tilt n L lambda)). split; intros E.
  - apply (f_equal (fun x => x * (rho + m))) in E.
    replace ((lambda * m + lambda * k) / (rho + m) * (rho + m)) with (lambda * m + lambda * k) in E by (now field).
    apply (Rmult_eq_reg_l lambda); lra.
  - rewrite E. field. lra.
Qed.

(* The denominator of (22) is not zero where the losses are positive. *)
Theorem fixed_point_denominator_positive rho lambda : 0 < lambda -> 0 <= rho -> (forall i, (i < n)%nat -> 0 < L i) ->
  0 < rho + ln (mean_exp n L lambda).
Proof.
  intros Hl Hr HL. assert (1 < mean_exp n L lambda) as H.
  { pose proof n_real_pos as Hn. unfold mean_exp. apply (Rmult_lt_reg_r (INR n)); [exact Hn|].
    unfold Rdiv. rewrite Rmult_assoc, Rinv_l, Rmult_1_r, Rmult_1_l by lra. rewrite <- sum_one.
    apply (sum_lt n _ _ 0); [exact n_pos| |].
    - intros i Hi. left. rewrite <- exp_0. apply exp_increasing. apply Rmult_lt_0_compat; [now apply HL|].
      now apply Rinv_0_lt_compat.
    - rewrite <- exp_0. apply exp_increasing. apply Rmult_lt_0_compat; [now apply HL|now apply Rinv_0_lt_compat]. }
  assert (0 < ln (mean_exp n L lambda)) by (rewrite <- ln_1; apply ln_increasing; lra). lra.
Qed.

End Star.
