(* Theorem 3 (claim T3) over the real numbers: the integer square roots of T3.v are the paper's floors and ceilings.

   In words. With S = N_+ + K and x = (S - sqrt(S^2 - 4X))/2 a real number: x <= hits K <= sqrt X for every ranking with
   K <= N_-; lo_paper is the floor of x, lo its ceiling, hi_paper the ceiling of sqrt X, and the integer square root of X
   the floor of sqrt X. A floor n of x is written n <= x < n + 1, a ceiling n - 1 < x <= n. *)

From Coq Require Import List Arith Lia Reals Lra.
From HNS Require Import T3.
Local Open Scope R_scope.

(* x of the statement, as the paper writes it. *)
Definition smaller_root (Np K X : nat) : R :=
  (INR (Np + K) - sqrt (INR (Np + K) * INR (Np + K) - 4 * INR X)) / 2.

Lemma INR_le_sqrt_iff a n : INR a <= sqrt (INR n) <-> (a <= Nat.sqrt n)%nat.
Proof.
  rewrite <- square_le_iff_le_sqrt. split; intros H.
  - apply INR_le. rewrite mult_INR. rewrite <- (sqrt_sqrt (INR n)) by apply pos_INR.
    apply Rmult_le_compat; auto using pos_INR.
  - rewrite <- (sqrt_square (INR a)) by apply pos_INR.
    apply sqrt_le_1_alt. rewrite <- mult_INR. now apply le_INR.
Qed.

Lemma sqrt_le_INR_iff a n : sqrt (INR n) <= INR a <-> (Nat.sqrt_up n <= a)%nat.
Proof.
  rewrite <- le_square_iff_sqrt_up_le. split; intros H.
  - apply INR_le. rewrite mult_INR. rewrite <- (sqrt_sqrt (INR n)) by apply pos_INR.
    apply Rmult_le_compat; auto using sqrt_pos.
  - rewrite <- (sqrt_square (INR a)) by apply pos_INR.
    apply sqrt_le_1_alt. rewrite <- mult_INR. now apply le_INR.
Qed.

Lemma sqrt_floor n : INR (Nat.sqrt n) <= sqrt (INR n) < INR (Nat.sqrt n) + 1.
Proof.
  split; [now apply INR_le_sqrt_iff|].
  apply Rnot_le_lt. intros H. rewrite <- S_INR in H. apply INR_le_sqrt_iff in H. lia.
Qed.

Lemma sqrt_ceiling n : INR (Nat.sqrt_up n) - 1 < sqrt (INR n) <= INR (Nat.sqrt_up n).
Proof.
  split; [|now apply sqrt_le_INR_iff].
  apply Rnot_le_lt. intros H.
  destruct (Nat.sqrt_up n) as [|a] eqn:E.
  - simpl in H. pose proof (sqrt_pos (INR n)). lra.
  - rewrite S_INR in H. replace (INR a + 1 - 1) with (INR a) in H by ring.
    apply sqrt_le_INR_iff in H. lia.
Qed.

Theorem hi_paper_is_ceiling X : INR (hi_paper X) - 1 < sqrt (INR X) <= INR (hi_paper X).
Proof. apply sqrt_ceiling. Qed.

Lemma discriminant_as_nat Np K X : (X <= K * Np)%nat ->
  INR (Np + K) * INR (Np + K) - 4 * INR X = INR ((Np + K) * (Np + K) - 4 * X) /\
  (Nat.sqrt_up ((Np + K) * (Np + K) - 4 * X) <= Np + K)%nat.
Proof.
  intros HX. pose proof (square_sum_ge_double_product Np K). split.
  - rewrite minus_INR by lia. rewrite !mult_INR. simpl (INR 4). lra.
  - apply le_square_iff_sqrt_up_le. lia.
Qed.

Theorem lo_paper_is_floor Np K X : (X <= K * Np)%nat ->
  INR (lo_paper Np K X) <= smaller_root Np K X < INR (lo_paper Np K X) + 1.
Proof.
  intros HX. unfold smaller_root, lo_paper. destruct (discriminant_as_nat Np K X HX) as [-> Hb].
  set (Y := ((Np + K) * (Np + K) - 4 * X)%nat) in *. pose proof (sqrt_ceiling Y) as Hc.
  set (b := Nat.sqrt_up Y) in *. set (S := (Np + K)%nat) in *. clearbody b S.
  pose proof (Nat.div_mod (S - b) 2 ltac:(lia)) as E. pose proof (Nat.mod_upper_bound (S - b) 2 ltac:(lia)).
  set (f := ((S - b) / 2)%nat) in *.
  assert (2 * f <= S - b < 2 * f + 2)%nat as [H1 H2] by lia.
  apply le_INR in H1. assert (S - b <= 2 * f + 1)%nat as H3 by lia. apply le_INR in H3.
  rewrite minus_INR in H1, H3 by exact Hb. rewrite plus_INR in H3. rewrite mult_INR in H1, H3. simpl (INR 2) in *. simpl (INR 1) in *.
  lra.
Qed.

Theorem lo_is_ceiling Np K X : (X <= K * Np)%nat ->
  INR (lo Np K X) - 1 < smaller_root Np K X <= INR (lo Np K X).
Proof.
  intros HX. unfold smaller_root, lo. destruct (discriminant_as_nat Np K X HX) as [-> Hb].
  set (Y := ((Np + K) * (Np + K) - 4 * X)%nat) in *. pose proof (sqrt_floor Y) as Hc.
  assert (Nat.sqrt Y <= Np + K)%nat as Hs by (pose proof (Nat.le_sqrt_sqrt_up Y); lia).
  set (b := Nat.sqrt Y) in *. set (S := (Np + K)%nat) in *. clearbody b S.
  pose proof (Nat.div_mod (S - b + 1) 2 ltac:(lia)) as E.
  pose proof (Nat.mod_upper_bound (S - b + 1) 2 ltac:(lia)).
  set (c := ((S - b + 1) / 2)%nat) in *.
  assert (S - b <= 2 * c <= S - b + 1)%nat as [H1 H2] by lia.
  apply le_INR in H1, H2. rewrite plus_INR in H2. rewrite minus_INR in H1, H2 by exact Hs.
  rewrite mult_INR in H1, H2. simpl (INR 2) in *. simpl (INR 1) in *. lra.
Qed.

(* Theorem 3 before any rounding. *)
Theorem theorem3_real_form K l : (K <= negatives l)%nat ->
  smaller_root (positives l) K (opauc_count K l) <= INR (hits K l) <= sqrt (INR (opauc_count K l)).
Proof.
  intros HK. split.
  - apply Rle_trans with (INR (lo (positives l) K (opauc_count K l))).
    + apply lo_is_ceiling, opauc_count_range.
    + apply le_INR, lo_le_hits.
  - apply INR_le_sqrt_iff, square_le_iff_le_sqrt. now apply hits_squared_lower.
Qed.
