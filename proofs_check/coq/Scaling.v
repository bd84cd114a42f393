(* The scaling law's peak (claim F6-law). Coq's real numbers.

   In words. The limit correlation of Recall@K with OPAUC(m/N_-) at x = m N/(K N_-) >= 1 is (x - 1/2)/sqrt(x^3/3). Its
   square is at most 8/9 on x >= 1, with equality exactly at x = 3/2, and at x = 1 it is 3/4: the peak sits at x = 3/2 with
   height sqrt(8/9) = 2 sqrt(2)/3. That the exact correlation tends to this limit is not proved here. *)

From Coq Require Import Reals Lra.
Local Open Scope R_scope.

Definition limit_correlation (x : R) : R := (x - 1 / 2) / sqrt (x * x * x / 3).

Lemma limit_correlation_squared x : 0 < x ->
  limit_correlation x * limit_correlation x = (x - 1 / 2) * (x - 1 / 2) / (x * x * x / 3).
Proof.
  intros Hx. unfold limit_correlation. assert (0 < x * x * x / 3) as H.
  { apply Rdiv_lt_0_compat; [|lra]. apply Rmult_lt_0_compat; [|exact Hx]. now apply Rmult_lt_0_compat. }
  rewrite <- (sqrt_sqrt (x * x * x / 3)) at 3 by lra.
  field. apply Rgt_not_eq. now apply sqrt_lt_R0.
Qed.

(* 8/9 minus the square, over a positive denominator: the double root is the peak. *)
Lemma gap_to_peak x : 0 < x ->
  8 / 9 - (x - 1 / 2) * (x - 1 / 2) / (x * x * x / 3) = (x - 3 / 2) * (x - 3 / 2) * (8 * x - 3) / (9 * (x * x * x)).
Proof. intros Hx. field. lra. Qed.

Theorem scaling_law_maximum x : 1 <= x -> limit_correlation x * limit_correlation x <= 8 / 9.
Proof.
  intros Hx. rewrite limit_correlation_squared by lra.
  assert (0 < x * x * x) as H by (apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat|]; lra).
  apply Rminus_le. apply Ropp_le_cancel. rewrite Ropp_0, Ropp_minus_distr, gap_to_peak by lra.
  unfold Rdiv. apply Rmult_le_pos; [|left; apply Rinv_0_lt_compat; lra].
  apply Rmult_le_pos; [apply Rle_0_sqr|lra].
Qed.

Theorem scaling_law_peak_is_at_three_halves x : 1 <= x ->
  (limit_correlation x * limit_correlation x = 8 / 9 <-> x = 3 / 2).
Proof.
  intros Hx. rewrite limit_correlation_squared by lra.
  assert (0 < x * x * x) as H by (apply Rmult_lt_0_compat; [apply Rmult_lt_0_compat|]; lra).
  split; intros E; [|subst; field].
  pose proof (gap_to_peak x ltac:(lra)) as G. rewrite E, Rminus_diag_eq in G by reflexivity.
  assert ((x - 3 / 2) * (x - 3 / 2) * (8 * x - 3) = 0) as Z.
  { replace ((x - 3 / 2) * (x - 3 / 2) * (8 * x - 3))
      with ((x - 3 / 2) * (x - 3 / 2) * (8 * x - 3) / (9 * (x * x * x)) * (9 * (x * x * x))) by (field; lra).
    rewrite <- G. ring. }
  apply Rmult_integral in Z. destruct Z as [Z|Z]; [|lra]. apply Rmult_integral in Z. lra.
Qed.

Theorem scaling_law_at_one : limit_correlation 1 * limit_correlation 1 = 3 / 4.
Proof. rewrite limit_correlation_squared by lra. field. Qed.
