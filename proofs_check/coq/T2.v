(* Theorem 2 (claims T2a to T2d): the KL ball, its dual and the tilt. Coq's real numbers.

   In words. n negatives with losses L_0 .. L_{n-1}, P_0 uniform, q a distribution on them, KL(q) = sum q_i log(n q_i).
     1. q_i <= exp(rho)/n for all i implies KL(q) <= rho, so the CVaR ball (beta = exp(-rho)) lies in the KL ball, and the
        worst case over the first is at most that over the second.
     2. Gibbs / Donsker-Varadhan: E_q L <= lambda log E_{P_0} exp(L/lambda) + lambda KL(q) for every q and lambda > 0,
        with equality for the tilt q_i proportional to exp(L_i/lambda), and only for it. Hence the dual (21) bounds the
        worst case over KL(q) <= rho, and where KL(tilt) = rho (at lambda* ) the dual, the worst case and the tilted mean
        (23) are the same number.
     3. KL(tilt at lambda) is strictly decreasing in lambda unless L is constant, so there is at most one lambda*. *)

From Coq Require Import Reals Lra Lia Arith.
Local Open Scope R_scope.

(* ---- finite sums ---- *)

Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with
  | O => 0
  | S m => sum m f + f m
  end.

Lemma sum_le n f g : (forall i, (i < n)%nat -> f i <= g i) -> sum n f <= sum n g.
Proof.
  induction n as [|n IH]; intros H; simpl; [lra|].
  apply Rplus_le_compat; [apply IH; intros i Hi; apply H; lia|apply H; lia].
Qed.

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof. intros H. apply Rle_antisym; apply sum_le; intros i Hi; rewrite (H i Hi); lra. Qed.

Lemma sum_lt n f g k : (k < n)%nat -> (forall i, (i < n)%nat -> f i <= g i) -> f k < g k -> sum n f < sum n g.
Proof.
  induction n as [|n IH]; intros Hk H Hlt; [lia|]. simpl.
  destruct (Nat.eq_dec k n) as [->|Hne].
  - apply Rplus_le_lt_compat; [apply sum_le; intros i Hi; apply H; lia|exact Hlt].
  - apply Rplus_lt_le_compat; [apply IH; [lia| |exact Hlt]; intros i Hi; apply H; lia|apply H; lia].
Qed.

Lemma sum_scale n c f : sum n (fun i => c * f i) = c * sum n f.
Proof. induction n as [|n IH]; simpl; [lra|]. rewrite IH. ring. Qed.

Lemma sum_plus n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n as [|n IH]; simpl; [lra|]. rewrite IH. ring. Qed.

Lemma sum_one n : sum n (fun _ => 1) = INR n.
Proof. induction n as [|n IH]; [reflexivity|]. rewrite S_INR. simpl. rewrite IH. ring. Qed.

Lemma sum_pos n f : (0 < n)%nat -> (forall i, (i < n)%nat -> 0 < f i) -> 0 < sum n f.
Proof.
  intros Hn H. replace 0 with (sum n (fun _ => 0)).
  - apply (sum_lt n _ _ 0); [exact Hn| |apply H; lia]. intros i Hi. left. now apply H.
  - rewrite (sum_ext n _ (fun _ => 0 * 1)) by (intros; ring). rewrite sum_scale. ring.
Qed.

(* ---- log x <= x - 1, strictly unless x = 1 ---- *)

Lemma ln_le_mono x y : 0 < x -> x <= y -> ln x <= ln y.
Proof. intros Hx [H| ->]; [left; now apply ln_increasing|lra]. Qed.

Lemma ln_le_sub1 x : 0 < x -> ln x <= x - 1.
Proof. intros Hx. pose proof (exp_ineq1_le (ln x)) as H. rewrite exp_ln in H by exact Hx. lra. Qed.

Lemma ln_lt_sub1 x : 0 < x -> x <> 1 -> ln x < x - 1.
Proof.
  intros Hx H1. assert (ln x <> 0) as Hl.
  { intros E. apply H1. rewrite <- (exp_ln x Hx), E. apply exp_0. }
  pose proof (exp_ineq1 (ln x) Hl) as H. rewrite exp_ln in H by exact Hx. lra.
Qed.

Section KL.

Variable n : nat.
Hypothesis n_pos : (0 < n)%nat.
Variable L : nat -> R.

(* ---- definitions; 0 log 0 = 0 ---- *)

Definition distribution (q : nat -> R) : Prop := (forall i, (i < n)%nat -> 0 <= q i) /\ sum n q = 1.

Definition expectation (q : nat -> R) : R := sum n (fun i => q i * L i).

Definition KL (q : nat -> R) : R := sum n (fun i => q i * ln (INR n * q i)).

Definition cvar_ball (rho : R) (q : nat -> R) : Prop :=
  distribution q /\ forall i, (i < n)%nat -> q i <= exp rho / INR n.

Definition kl_ball (rho : R) (q : nat -> R) : Prop := distribution q /\ KL q <= rho.

(* E_{P_0} exp(L/lambda), the tilt, the dual (21). *)
Definition mean_exp (lambda : R) : R := sum n (fun i => exp (L i / lambda)) / INR n.

Definition tilt (lambda : R) (i : nat) : R := exp (L i / lambda) / (INR n * mean_exp lambda).

Definition kl_dual (rho lambda : R) : R := lambda * ln (mean_exp lambda) + lambda * rho.

Lemma INR_n_pos : 0 < INR n.
Proof. apply lt_0_INR. exact n_pos. Qed.

(* ---- 1. the CVaR ball inside the KL ball ---- *)

Theorem cvar_ball_in_kl_ball rho q : cvar_ball rho q -> kl_ball rho q.
Proof.
  intros [[H0 H1] Hq]. split; [now split|]. pose proof INR_n_pos as Hn.
  unfold KL. apply Rle_trans with (sum n (fun i => rho * q i)); [|rewrite sum_scale, H1; lra].
  apply sum_le. intros i Hi. specialize (H0 i Hi). specialize (Hq i Hi).
  destruct (Req_dec (q i) 0) as [->|Hz]; [lra|].
  rewrite (Rmult_comm rho). apply Rmult_le_compat_l; [exact H0|].
  rewrite <- (ln_exp rho). apply ln_le_mono.
  - apply Rmult_lt_0_compat; lra.
  - apply (Rmult_le_compat_l (INR n)) in Hq; [|lra].
    replace (INR n * (exp rho / INR n)) with (exp rho) in Hq by (field; lra). exact Hq.
Qed.

(* The worst case as a least upper bound: soft >= hard, always. *)
Definition worst_case (ball : (nat -> R) -> Prop) (v : R) : Prop :=
  is_lub (fun x => exists q, ball q /\ x = expectation q) v.

Theorem cvar_value_le_kl_value rho hard soft :
  worst_case (cvar_ball rho) hard -> worst_case (kl_ball rho) soft -> hard <= soft.
Proof.
  intros [_ Hleast] [Hup _]. apply Hleast. intros x (q & Hq & ->). apply Hup.
  exists q. split; [now apply cvar_ball_in_kl_ball|reflexivity].
Qed.

(* ---- 2. Gibbs ---- *)

Lemma mean_exp_pos lambda : 0 < mean_exp lambda.
Proof.
  pose proof INR_n_pos. unfold mean_exp. apply Rdiv_lt_0_compat; [|assumption].
  apply sum_pos; [exact n_pos|]. intros i _. apply exp_pos.
Qed.

Lemma tilt_pos lambda i : 0 < tilt lambda i.
Proof.
  pose proof INR_n_pos. pose proof (mean_exp_pos lambda). unfold tilt.
  apply Rdiv_lt_0_compat; [apply exp_pos|now apply Rmult_lt_0_compat].
Qed.

Theorem tilt_is_distribution lambda : distribution (tilt lambda).
Proof.
  split; [intros i _; left; apply tilt_pos|]. pose proof INR_n_pos. pose proof (mean_exp_pos lambda) as Hm.
  rewrite (sum_ext n _ (fun i => / (INR n * mean_exp lambda) * exp (L i / lambda))).
  - rewrite sum_scale. replace (sum n (fun i => exp (L i / lambda))) with (INR n * mean_exp lambda).
    + field. split; lra.
    + unfold mean_exp. field. lra.
  - intros i _. unfold tilt. field. split; lra.
Qed.

Lemma ln_tilt lambda i : 0 < lambda -> ln (INR n * tilt lambda i) = L i / lambda - ln (mean_exp lambda).
Proof.
  intros Hl. pose proof INR_n_pos. pose proof (mean_exp_pos lambda) as Hm.
  replace (INR n * tilt lambda i) with (exp (L i / lambda) * / mean_exp lambda) by (unfold tilt; field; split; lra).
  rewrite ln_mult; [|apply exp_pos|now apply Rinv_0_lt_compat]. rewrite ln_exp, ln_Rinv by exact Hm. ring.
Qed.

(* One term of E_q L - lambda log E exp(L/lambda) - lambda KL(q), over lambda, against tilt - q. *)
Lemma gibbs_term lambda q i : 0 < lambda -> 0 <= q i ->
  q i * (L i / lambda - ln (mean_exp lambda)) - q i * ln (INR n * q i) <= tilt lambda i - q i /\
  (q i <> tilt lambda i ->
   q i * (L i / lambda - ln (mean_exp lambda)) - q i * ln (INR n * q i) < tilt lambda i - q i).
Proof.
  intros Hl Hq. rewrite <- (ln_tilt lambda i Hl). pose proof INR_n_pos as Hn. pose proof (tilt_pos lambda i) as Ht.
  destruct (Req_dec (q i) 0) as [->|Hz]; [split; [|intros _]; lra|].
  assert (Hp : 0 < q i) by lra. set (t := tilt lambda i) in *.
  assert (Hx : 0 < t / q i) by now apply Rdiv_lt_0_compat.
  assert (E : q i * ln (INR n * t) - q i * ln (INR n * q i) = q i * ln (t / q i)).
  { replace (INR n * t) with (INR n * q i * (t / q i)) by (field; lra).
    rewrite (ln_mult (INR n * q i)); [ring|now apply Rmult_lt_0_compat|exact Hx]. }
  rewrite E. replace (t - q i) with (q i * (t / q i - 1)) by (field; lra). split.
  - apply Rmult_le_compat_l; [lra|now apply ln_le_sub1].
  - intros Hne. apply Rmult_lt_compat_l; [exact Hp|]. apply ln_lt_sub1; [exact Hx|].
    intros E1. apply Hne. apply (f_equal (fun x => x * q i)) in E1. field_simplify in E1; lra.
Qed.

Lemma gibbs_sum lambda q : distribution q ->
  sum n (fun i => q i * (L i / lambda - ln (mean_exp lambda)) - q i * ln (INR n * q i)) =
  expectation q / lambda - ln (mean_exp lambda) - KL q.
Proof.
  intros [_ H1]. unfold expectation, KL.
  rewrite (sum_ext n _ (fun i => (/ lambda * (q i * L i) + (- ln (mean_exp lambda)) * q i) + (-1) * (q i * ln (INR n * q i)))).
  - rewrite !sum_plus, !sum_scale, H1. unfold Rdiv. ring.
  - intros i _. unfold Rdiv. ring.
Qed.

Lemma tilt_minus_sum lambda q : distribution q -> sum n (fun i => tilt lambda i - q i) = 0.
Proof.
  intros [_ H1]. destruct (tilt_is_distribution lambda) as [_ Ht].
  rewrite (sum_ext n _ (fun i => tilt lambda i + (-1) * q i)) by (intros; ring).
  rewrite sum_plus, sum_scale, Ht, H1. ring.
Qed.

Theorem donsker_varadhan lambda q : 0 < lambda -> distribution q ->
  expectation q <= lambda * ln (mean_exp lambda) + lambda * KL q.
Proof.
  intros Hl Hq. pose proof (gibbs_sum lambda q Hq) as E. pose proof (tilt_minus_sum lambda q Hq) as Z.
  assert (expectation q / lambda - ln (mean_exp lambda) - KL q <= 0) as H.
  { rewrite <- E, <- Z. apply sum_le. intros i Hi. apply gibbs_term; [exact Hl|now apply Hq]. }
  replace (expectation q) with (lambda * (expectation q / lambda)) by (field; lra).
  rewrite <- Rmult_plus_distr_l. apply Rmult_le_compat_l; lra.
Qed.

Theorem donsker_varadhan_strict lambda q k : 0 < lambda -> distribution q -> (k < n)%nat -> q k <> tilt lambda k ->
  expectation q < lambda * ln (mean_exp lambda) + lambda * KL q.
Proof.
  intros Hl Hq Hk Hne. pose proof (gibbs_sum lambda q Hq) as E. pose proof (tilt_minus_sum lambda q Hq) as Z.
  assert (expectation q / lambda - ln (mean_exp lambda) - KL q < 0) as H.
  { rewrite <- E, <- Z. apply (sum_lt n _ _ k); [exact Hk| |].
    - intros i Hi. apply gibbs_term; [exact Hl|now apply Hq].
    - apply gibbs_term; [exact Hl|now apply Hq|exact Hne]. }
  replace (expectation q) with (lambda * (expectation q / lambda)) by (field; lra).
  rewrite <- Rmult_plus_distr_l. apply Rmult_lt_compat_l; lra.
Qed.

Theorem tilt_attains_donsker_varadhan lambda : 0 < lambda ->
  expectation (tilt lambda) = lambda * ln (mean_exp lambda) + lambda * KL (tilt lambda).
Proof.
  intros Hl. pose proof (gibbs_sum lambda _ (tilt_is_distribution lambda)) as E.
  rewrite (sum_ext n _ (fun i => 0 * 1)) in E by (intros i _; rewrite (ln_tilt lambda i Hl); ring).
  rewrite sum_scale in E.
  replace (expectation (tilt lambda)) with (lambda * (expectation (tilt lambda) / lambda)) by (field; lra).
  rewrite <- Rmult_plus_distr_l. f_equal. lra.
Qed.

(* Weak duality: every lambda of (21) bounds the worst case. *)
Theorem kl_weak_duality rho lambda q : 0 < lambda -> kl_ball rho q -> expectation q <= kl_dual rho lambda.
Proof.
  intros Hl [Hq Hk]. pose proof (donsker_varadhan lambda q Hl Hq). unfold kl_dual.
  apply (Rmult_le_compat_l lambda) in Hk; lra.
Qed.

(* At lambda*: dual (21), worst case and tilted mean (23) coincide, and no lambda gives a smaller dual. *)
Theorem kl_strong_duality_at_lambda_star rho lambda : 0 < lambda -> KL (tilt lambda) = rho ->
  kl_dual rho lambda = expectation (tilt lambda) /\
  worst_case (kl_ball rho) (expectation (tilt lambda)) /\
  forall other, 0 < other -> kl_dual rho lambda <= kl_dual rho other.
Proof.
  intros Hl Hk. assert (E : kl_dual rho lambda = expectation (tilt lambda)).
  { rewrite tilt_attains_donsker_varadhan by exact Hl. unfold kl_dual. now rewrite Hk. }
  assert (B : kl_ball rho (tilt lambda)) by (split; [apply tilt_is_distribution|lra]).
  split; [exact E|split].
  - split.
    + intros x (q & Hq & ->). rewrite <- E. now apply kl_weak_duality.
    + intros b Hb. apply Hb. now exists (tilt lambda).
  - intros other Ho. rewrite E. now apply kl_weak_duality.
Qed.

(* Theorem 2 as an inequality between samplers: the tilted mean at lambda* is at least the CVaR value. *)
Theorem cvar_value_le_tilted_mean rho lambda hard : 0 < lambda -> KL (tilt lambda) = rho ->
  worst_case (cvar_ball rho) hard -> hard <= expectation (tilt lambda).
Proof.
  intros Hl Hk Hh. destruct (kl_strong_duality_at_lambda_star rho lambda Hl Hk) as (_ & W & _).
  exact (cvar_value_le_kl_value rho hard _ Hh W).
Qed.

(* lambda log E exp(L/lambda) <= tilted mean, at any lambda (Appendix F). *)
Theorem softmax_loss_le_tilted_mean lambda : 0 < lambda -> lambda * ln (mean_exp lambda) <= expectation (tilt lambda).
Proof.
  intros Hl. rewrite tilt_attains_donsker_varadhan by exact Hl.
  assert (0 <= KL (tilt lambda)) as H.
  { unfold KL. replace 0 with (sum n (fun i => tilt lambda i - / INR n)).
    - apply sum_le. intros i Hi. pose proof INR_n_pos as Hn. pose proof (tilt_pos lambda i) as Ht.
      set (t := tilt lambda i) in *. assert (0 < / (INR n * t)) as Hx by (apply Rinv_0_lt_compat; now apply Rmult_lt_0_compat).
      pose proof (ln_le_sub1 _ Hx) as Hb. rewrite ln_Rinv in Hb by now apply Rmult_lt_0_compat.
      apply (Rmult_le_compat_l t) in Hb; [|lra].
      replace (t * (/ (INR n * t) - 1)) with (/ INR n - t) in Hb by (field; split; lra). lra.
    - destruct (tilt_is_distribution lambda) as [_ Ht].
      rewrite (sum_ext n _ (fun i => tilt lambda i + (- / INR n) * 1)) by (intros; ring).
      rewrite sum_plus, sum_scale, Ht, sum_one. field. pose proof INR_n_pos. lra. }
  apply (Rmult_le_compat_l lambda) in H; lra.
Qed.

(* ---- 3. KL(tilt) falls strictly with the temperature ---- *)

Lemma tilts_differ s t : 0 < s -> 0 < t -> s <> t -> (exists i j, (i < n)%nat /\ (j < n)%nat /\ L i <> L j) ->
  exists k, (k < n)%nat /\ tilt s k <> tilt t k.
Proof.
  intros Hs Ht Hst (i & j & Hi & Hj & Hij).
  destruct (Req_dec (tilt s i) (tilt t i)) as [Ei|]; [|now exists i].
  destruct (Req_dec (tilt s j) (tilt t j)) as [Ej|]; [|now exists j].
  exfalso. apply (f_equal (fun x => ln (INR n * x))) in Ei, Ej. rewrite !ln_tilt in Ei, Ej by assumption.
  assert ((L i - L j) * (/ s - / t) = 0) as Z by (unfold Rdiv in *; lra).
  apply Rmult_integral in Z. destruct Z as [Z|Z]; [lra|].
  apply Hst. rewrite <- (Rinv_inv s), <- (Rinv_inv t). f_equal. lra.
Qed.

Theorem kl_of_tilt_strictly_decreasing s t : 0 < s < t -> (exists i j, (i < n)%nat /\ (j < n)%nat /\ L i <> L j) ->
  KL (tilt t) < KL (tilt s).
Proof.
  intros [Hs Hst] HL. assert (Ht : 0 < t) by lra.
  destruct (tilts_differ s t Hs Ht ltac:(lra) HL) as (k & Hk & Hne).
  (* each tilt beats the other at its own temperature *)
  pose proof (donsker_varadhan_strict s (tilt t) k Hs (tilt_is_distribution t) Hk ltac:(auto)) as A.
  pose proof (donsker_varadhan_strict t (tilt s) k Ht (tilt_is_distribution s) Hk Hne) as B.
  pose proof (tilt_attains_donsker_varadhan s Hs) as Es. pose proof (tilt_attains_donsker_varadhan t Ht) as Et.
  set (ks := KL (tilt s)) in *. set (kt := KL (tilt t)) in *.
  set (es := expectation (tilt s)) in *. set (et := expectation (tilt t)) in *.
  (* et - es < s (kt - ks) and es - et < t (ks - kt) *)
  assert (H1 : et - es < s * (kt - ks)) by lra. assert (H2 : es - et < t * (ks - kt)) by lra.
  assert (H3 : 0 < (t - s) * (ks - kt)) by lra.
  apply Rnot_le_lt. intros H. assert ((t - s) * (ks - kt) <= 0); [|lra].
  rewrite <- (Rmult_0_r (t - s)). apply Rmult_le_compat_l; lra.
Qed.

Theorem lambda_star_unique rho s t : 0 < s -> 0 < t -> (exists i j, (i < n)%nat /\ (j < n)%nat /\ L i <> L j) ->
  KL (tilt s) = rho -> KL (tilt t) = rho -> s = t.
Proof.
  intros Hs Ht HL Es Et. destruct (Rtotal_order s t) as [H|[H|H]]; [|exact H|].
  - pose proof (kl_of_tilt_strictly_decreasing s t (conj Hs H) HL). lra.
  - pose proof (kl_of_tilt_strictly_decreasing t s (conj Ht H) HL). lra.
Qed.

End KL.
