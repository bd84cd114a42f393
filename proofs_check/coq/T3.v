(* Theorem 3 (claim T3): what OPAUC says about the hits in the top K. Standard library only.

   In words. A ranking is a list of booleans from the top down, true = positive. It has N_+ positives and N_- negatives;
   hits K counts the positives among its first K items; X_m counts the pairs (positive, negative) with the positive ranked
   above the negative, over the m top-ranked negatives: X_K = N_+ N_- OPAUC(K/N_-). With i = hits K and S = N_+ + K:
     1. X_K <= i (S - i), for every ranking and every K;
     2. i^2 <= X_K whenever K <= N_-, and K <= N_- cannot be dropped;
     3. both are attained, and for K <= N_- the pairs (i, X) that rankings attain are exactly
        i <= min(K, N_+), i^2 <= X <= i (S - i);
     4. for K <= N_- and 0 <= X <= K N_+ the hits of the rankings with X_K = X are exactly lo(X)..hi(X), never none:
        lo(X) = ceil((S - sqrt(S^2 - 4X))/2), hi(X) = min(floor(sqrt X), K, N_+), with integer square roots;
     5. the paper's floor and ceil forms follow, each side at least as loose.
   N_+ > K is assumed nowhere. *)

From Coq Require Import List Arith Lia Bool.
Import ListNotations.

Definition ranking := list bool.

(* ---- definitions ---- *)

Fixpoint positives (l : ranking) : nat :=
  match l with
  | [] => 0
  | true :: t => S (positives t)
  | false :: t => positives t
  end.

Fixpoint negatives (l : ranking) : nat :=
  match l with
  | [] => 0
  | true :: t => negatives t
  | false :: t => S (negatives t)
  end.

Definition hits (K : nat) (l : ranking) : nat := positives (firstn K l).

(* Walk down the ranking with a positives seen so far: each of the next m negatives adds the positives above it. *)
Fixpoint opauc_count_from (a m : nat) (l : ranking) : nat :=
  match l with
  | [] => 0
  | true :: t => opauc_count_from (S a) m t
  | false :: t => match m with
                  | 0 => 0
                  | S m' => a + opauc_count_from a m' t
                  end
  end.

(* X_m = P_1 + ... + P_m, P_j = positives above the j-th negative. *)
Definition opauc_count (m : nat) (l : ranking) : nat := opauc_count_from 0 m l.

Definition lo (Np K X : nat) : nat := (Np + K - Nat.sqrt ((Np + K) * (Np + K) - 4 * X) + 1) / 2.
Definition hi (Np K X : nat) : nat := Nat.min (Nat.sqrt X) (Nat.min K Np).
Definition lo_paper (Np K X : nat) : nat := (Np + K - Nat.sqrt_up ((Np + K) * (Np + K) - 4 * X)) / 2.
Definition hi_paper (X : nat) : nat := Nat.sqrt_up X.

(* ---- counting lemmas ---- *)

Lemma positives_app l1 l2 : positives (l1 ++ l2) = positives l1 + positives l2.
Proof. induction l1 as [|[] l1 IH]; simpl; lia. Qed.

Lemma negatives_app l1 l2 : negatives (l1 ++ l2) = negatives l1 + negatives l2.
Proof. induction l1 as [|[] l1 IH]; simpl; lia. Qed.

Lemma positives_repeat b n : positives (repeat b n) = if b then n else 0.
Proof. induction n as [|n IH]; destruct b; simpl in *; lia. Qed.

Lemma negatives_repeat b n : negatives (repeat b n) = if b then 0 else n.
Proof. induction n as [|n IH]; destruct b; simpl in *; lia. Qed.

Lemma length_positives_negatives l : length l = positives l + negatives l.
Proof. induction l as [|[] l IH]; simpl; lia. Qed.

Lemma opauc_count_from_none a l : opauc_count_from a 0 l = 0.
Proof. revert a; induction l as [|[] l IH]; intros a; simpl; auto. Qed.

Lemma opauc_count_from_app a m l1 l2 :
  opauc_count_from a m (l1 ++ l2) =
  opauc_count_from a m l1 + opauc_count_from (a + positives l1) (m - negatives l1) l2.
Proof.
  revert a m; induction l1 as [|[] l1 IH]; intros a m; simpl.
  - now rewrite Nat.add_0_r, Nat.sub_0_r.
  - rewrite IH. f_equal. f_equal. lia.
  - destruct m as [|m]; simpl.
    + now rewrite opauc_count_from_none.
    + rewrite IH. lia.
Qed.

(* Starting with a positives above adds a to each of the negatives counted. *)
Lemma opauc_count_from_shift a m l :
  opauc_count_from a m l = Nat.min m (negatives l) * a + opauc_count_from 0 m l.
Proof.
  enough (forall b, opauc_count_from (a + b) m l = Nat.min m (negatives l) * a + opauc_count_from b m l) as H.
  { specialize (H 0). now rewrite Nat.add_0_r in H. }
  revert m; induction l as [|[] l IH]; intros m b; simpl.
  - now rewrite Nat.min_0_r.
  - rewrite <- (IH m (S b)). now rewrite Nat.add_succ_r.
  - destruct m as [|m]; simpl; [reflexivity|]. rewrite IH. lia.
Qed.

Lemma opauc_count_from_repeat_true a m n l : opauc_count_from a m (repeat true n ++ l) = opauc_count_from (a + n) m l.
Proof.
  revert a; induction n as [|n IH]; intros a; simpl.
  - now rewrite Nat.add_0_r.
  - rewrite IH. f_equal. lia.
Qed.

Lemma opauc_count_from_repeat_false a m n : opauc_count_from a m (repeat false n) = Nat.min m n * a.
Proof.
  revert m; induction n as [|n IH]; intros m; simpl.
  - now rewrite Nat.min_0_r.
  - destruct m as [|m]; simpl; [reflexivity|]. now rewrite IH.
Qed.

Lemma opauc_count_from_ge a m l : Nat.min m (negatives l) * a <= opauc_count_from a m l.
Proof. rewrite opauc_count_from_shift. lia. Qed.

Lemma opauc_count_from_le a m l : opauc_count_from a m l <= Nat.min m (negatives l) * (a + positives l).
Proof.
  revert a m; induction l as [|[] l IH]; intros a m; simpl.
  - lia.
  - specialize (IH (S a) m). now rewrite Nat.add_succ_r.
  - destruct m as [|m]; simpl; [lia|]. specialize (IH a m). lia.
Qed.

Lemma opauc_count_from_saturates a m l : negatives l <= m -> opauc_count_from a m l = opauc_count_from a (negatives l) l.
Proof.
  revert a m; induction l as [|[] l IH]; intros a m; simpl; intros H.
  - reflexivity.
  - now apply IH.
  - destruct m as [|m]; [lia|]. rewrite IH by lia. reflexivity.
Qed.

Lemma firstn_skipn_split K l :
  positives l = hits K l + positives (skipn K l) /\
  negatives l = negatives (firstn K l) + negatives (skipn K l) /\
  opauc_count K l =
    opauc_count K (firstn K l) + opauc_count_from (hits K l) (K - negatives (firstn K l)) (skipn K l).
Proof.
  unfold hits, opauc_count.
  pose proof (positives_app (firstn K l) (skipn K l)) as H1.
  pose proof (negatives_app (firstn K l) (skipn K l)) as H2.
  pose proof (opauc_count_from_app 0 K (firstn K l) (skipn K l)) as H3.
  rewrite firstn_skipn in H1, H2, H3. now repeat split.
Qed.

Lemma negatives_firstn_le K l : negatives (firstn K l) <= K - hits K l.
Proof.
  unfold hits. pose proof (firstn_le_length K l) as H.
  rewrite length_positives_negatives in H. lia.
Qed.

Lemma negatives_firstn_eq K l : K <= length l -> negatives (firstn K l) = K - hits K l.
Proof.
  intros H. unfold hits. pose proof (firstn_length K l) as E.
  rewrite length_positives_negatives in E. lia.
Qed.

Lemma hits_le_K K l : hits K l <= K.
Proof.
  unfold hits. pose proof (firstn_le_length K l) as H.
  rewrite length_positives_negatives in H. lia.
Qed.

Lemma hits_le_positives K l : hits K l <= positives l.
Proof. pose proof (firstn_skipn_split K l). lia. Qed.

(* ---- T3, the two inequalities ---- *)

Theorem opauc_count_upper K l : opauc_count K l <= hits K l * (positives l + K - hits K l).
Proof.
  destruct (firstn_skipn_split K l) as (Ep & En & EX). rewrite EX.
  pose proof (opauc_count_from_le 0 K (firstn K l)) as H1.
  pose proof (opauc_count_from_le (hits K l) (K - negatives (firstn K l)) (skipn K l)) as H2.
  pose proof (negatives_firstn_le K l) as Hn. pose proof (hits_le_K K l) as Hk.
  fold (opauc_count K (firstn K l)) in H1.
  change (0 + positives (firstn K l)) with (hits K l) in H1. rewrite <- Ep in H2.
  set (i := hits K l) in *. set (p := positives l) in *. set (c := negatives (firstn K l)) in *.
  (* the negatives of the top K have at most i positives above, the others at most N_+ *)
  assert (Hip : i <= p) by lia.
  destruct (le_lt_dec K (length l)) as [Hlen|Hlen].
  - assert (c = K - i) as -> by now apply negatives_firstn_eq.
    transitivity ((K - i) * i + i * p); [|nia].
    apply Nat.add_le_mono; nia.
  - (* a list shorter than K: the tail is empty *)
    assert (negatives (skipn K l) = 0) as E0 by now rewrite skipn_all2 by lia.
    rewrite E0, Nat.min_0_r in H2. nia.
Qed.

Theorem hits_squared_lower K l : K <= negatives l -> hits K l * hits K l <= opauc_count K l.
Proof.
  intros HK. destruct (firstn_skipn_split K l) as (Ep & En & EX). rewrite EX.
  pose proof (opauc_count_from_ge (hits K l) (K - negatives (firstn K l)) (skipn K l)) as H.
  pose proof (length_positives_negatives l). pose proof (hits_le_K K l).
  rewrite negatives_firstn_eq in * by lia.
  replace (Nat.min (K - (K - hits K l)) (negatives (skipn K l))) with (hits K l) in H by lia. lia.
Qed.

(* K <= N_- is needed: with K = N_- + 1 it fails for every N_-, one positive at the bottom being enough. *)
Theorem K_le_negatives_needed Nn :
  exists l, positives l = 1 /\ negatives l = Nn /\ opauc_count (S Nn) l < hits (S Nn) l * hits (S Nn) l.
Proof.
  exists (repeat false Nn ++ [true]).
  assert (firstn (S Nn) (repeat false Nn ++ [true]) = repeat false Nn ++ [true]) as E.
  { apply firstn_all2. rewrite app_length, repeat_length. simpl. lia. }
  unfold hits, opauc_count. rewrite E, opauc_count_from_app, positives_app, negatives_app.
  rewrite opauc_count_from_repeat_false, !positives_repeat, !negatives_repeat. simpl. lia.
Qed.

(* ---- T3, the bounds are attained: the paper's two extreme rankings ---- *)

Definition most_opauc (i K Np Nn : nat) : ranking :=
  repeat true i ++ repeat false (K - i) ++ repeat true (Np - i) ++ repeat false (Nn - (K - i)).

Definition least_opauc (i K Np Nn : nat) : ranking :=
  repeat false (K - i) ++ repeat true i ++ repeat false i ++ repeat true (Np - i) ++ repeat false (Nn - K).

Ltac count_lists :=
  unfold hits, opauc_count;
  repeat (rewrite ?positives_app, ?negatives_app, ?opauc_count_from_app, ?positives_repeat, ?negatives_repeat,
            ?opauc_count_from_repeat_false, <- ?app_assoc, ?opauc_count_from_repeat_true).

Lemma opauc_count_from_all_true a m n : opauc_count_from a m (repeat true n) = 0.
Proof. rewrite <- (app_nil_r (repeat true n)). now rewrite opauc_count_from_repeat_true. Qed.

Lemma firstn_app_exact (l1 l2 : ranking) K : length l1 = K -> firstn K (l1 ++ l2) = l1.
Proof. intros <-. rewrite firstn_app, Nat.sub_diag, firstn_all. simpl. apply app_nil_r. Qed.

Theorem upper_attained i K Np Nn : i <= K -> i <= Np -> K <= Nn ->
  positives (most_opauc i K Np Nn) = Np /\ negatives (most_opauc i K Np Nn) = Nn /\
  hits K (most_opauc i K Np Nn) = i /\ opauc_count K (most_opauc i K Np Nn) = i * (Np + K - i).
Proof.
  intros HiK Hip HK. unfold most_opauc. repeat split.
  - count_lists. lia.
  - count_lists. lia.
  - unfold hits. rewrite app_assoc, firstn_app_exact.
    + count_lists. lia.
    + rewrite app_length, !repeat_length. lia.
  - count_lists. rewrite !opauc_count_from_all_true.
    replace (Nat.min K (K - i)) with (K - i) by lia.
    replace (Nat.min (K - 0 - (K - i) - 0) (Nn - (K - i))) with i by lia.
    replace (0 + i + (0 + (Np - i))) with Np by lia. nia.
Qed.

Theorem lower_attained i K Np Nn : i <= K -> i <= Np -> K <= Nn ->
  positives (least_opauc i K Np Nn) = Np /\ negatives (least_opauc i K Np Nn) = Nn /\
  hits K (least_opauc i K Np Nn) = i /\ opauc_count K (least_opauc i K Np Nn) = i * i.
Proof.
  intros HiK Hip HK. unfold least_opauc. repeat split.
  - count_lists. lia.
  - count_lists. lia.
  - unfold hits. rewrite app_assoc, firstn_app_exact.
    + count_lists. lia.
    + rewrite app_length, !repeat_length. lia.
  - count_lists. rewrite !opauc_count_from_all_true. nia.
Qed.

(* ---- T3, exactly which pairs (hits, X) rankings attain ---- *)

(* p positives and q negatives arranged so that exactly v <= p q pairs are in order. *)
Definition box (p q v : nat) : ranking :=
  if Nat.eqb q 0 then repeat true p
  else repeat true (v / q) ++ repeat false (q - v mod q)
       ++ (if Nat.ltb (v / q) p then true :: repeat false (v mod q) ++ repeat true (p - v / q - 1) else []).

Lemma box_counts p q v : v <= p * q ->
  positives (box p q v) = p /\ negatives (box p q v) = q /\ opauc_count q (box p q v) = v.
Proof.
  intros Hv. unfold box. destruct (Nat.eqb_spec q 0) as [->|Hq].
  - count_lists. rewrite opauc_count_from_all_true. lia.
  - pose proof (Nat.div_mod v q Hq) as E. pose proof (Nat.mod_upper_bound v q Hq) as Hr.
    set (d := v / q) in *. set (r := v mod q) in *.
    destruct (Nat.ltb_spec d p) as [Hd|Hd].
    + change (true :: repeat false r ++ repeat true (p - d - 1))
        with (repeat true 1 ++ (repeat false r ++ repeat true (p - d - 1))).
      count_lists. rewrite !opauc_count_from_all_true, !Nat.sub_0_r, !Nat.add_0_r.
      repeat split; nia.
    + assert (d = p /\ r = 0) as [Ed Er] by nia.
      rewrite Ed, Er, !app_nil_r. count_lists. rewrite opauc_count_from_all_true. repeat split; nia.
Qed.

Lemma box_length p q v : v <= p * q -> length (box p q v) = p + q.
Proof. intros H. rewrite length_positives_negatives. pose proof (box_counts p q v H). lia. Qed.

(* The ranking with i hits and X = i^2 + d, 0 <= d <= i (S - 2i). *)
Definition middle_ranking (i K Np Nn d : nat) : ranking :=
  box i (K - i) (Nat.min d (i * (K - i)))
  ++ box (Np - i) i (d - Nat.min d (i * (K - i)))
  ++ repeat false (Nn - K).

Lemma middle_ranking_counts i K Np Nn d :
  i <= K -> i <= Np -> K <= Nn -> d <= i * (K - i) + i * (Np - i) ->
  let l := middle_ranking i K Np Nn d in
  positives l = Np /\ negatives l = Nn /\ hits K l = i /\ opauc_count K l = i * i + d.
Proof.
  intros HiK Hip HK Hd l. subst l. unfold middle_ranking.
  assert (Hsplit : forall P Q, d <= P + Q ->
            Nat.min d P <= P /\ d - Nat.min d P <= Q /\ d = Nat.min d P + (d - Nat.min d P)) by lia.
  destruct (Hsplit _ _ Hd) as (Hv1 & Hv2 & Ed). rewrite (Nat.mul_comm i (Np - i)) in Hv2.
  set (v2 := d - Nat.min d (i * (K - i))) in *. set (v1 := Nat.min d (i * (K - i))) in *. clearbody v1 v2.
  destruct (box_counts _ _ _ Hv1) as (P1 & N1 & X1). destruct (box_counts _ _ _ Hv2) as (P2 & N2 & X2).
  repeat split.
  - rewrite !positives_app, P1, P2, positives_repeat. lia.
  - rewrite !negatives_app, N1, N2, negatives_repeat. lia.
  - unfold hits. rewrite firstn_app_exact; [exact P1|]. rewrite box_length by exact Hv1. lia.
  - unfold opauc_count. rewrite opauc_count_from_app, N1, P1. simpl (0 + i).
    replace (K - (K - i)) with i by lia.
    rewrite opauc_count_from_app, N2, Nat.sub_diag, opauc_count_from_none.
    rewrite (opauc_count_from_shift i i), N2, Nat.min_id.
    unfold opauc_count in X2. rewrite X2.
    assert (opauc_count_from 0 K (box i (K - i) v1) = v1) as ->; [|lia].
    (* beyond its K - i negatives the prefix counts nothing more *)
    transitivity (opauc_count (K - i) (box i (K - i) v1)); [|exact X1].
    unfold opauc_count. rewrite (opauc_count_from_saturates 0 K) by lia. now rewrite N1.
Qed.

Theorem attainable_pairs K Np Nn i X : K <= Nn ->
  (exists l, positives l = Np /\ negatives l = Nn /\ hits K l = i /\ opauc_count K l = X) <->
  (i <= Nat.min K Np /\ i * i <= X /\ X <= i * (Np + K - i)).
Proof.
  intros HK. split.
  - intros (l & <- & <- & <- & <-).
    pose proof (hits_le_K K l). pose proof (hits_le_positives K l).
    pose proof (hits_squared_lower K l HK). pose proof (opauc_count_upper K l). lia.
  - intros (Hi & Hlow & Hup). exists (middle_ranking i K Np Nn (X - i * i)).
    assert (X - i * i <= i * (K - i) + i * (Np - i)) as Hd by nia.
    destruct (middle_ranking_counts i K Np Nn (X - i * i)) as (A & B & C & D); lia.
Qed.

(* ---- T3, integer square roots: the hits that go with X ---- *)

Lemma square_le_iff_le_sqrt a n : a * a <= n <-> a <= Nat.sqrt n.
Proof. apply Nat.sqrt_le_square. Qed.

Lemma le_square_iff_sqrt_up_le a n : n <= a * a <-> Nat.sqrt_up n <= a.
Proof. apply Nat.sqrt_up_le_square; lia. Qed.

Lemma square_sum_ge_double_product a b : 2 * (b * a) <= a * a + b * b.
Proof. destruct (Nat.le_ge_cases a b) as [H|H]; apply Nat.le_exists_sub in H as (c & -> & _); lia. Qed.

(* (S - i) i >= X exactly when i >= lo(X), for i on the lower half of the parabola. *)
Lemma product_ge_iff_lo_le Np K X i : i <= Np -> i <= K -> X <= K * Np ->
  X <= i * (Np + K - i) <-> lo Np K X <= i.
Proof.
  intros Hp HK HX. unfold lo. set (S := Np + K). set (D := Nat.sqrt (S * S - 4 * X)).
  assert (H4 : 4 * X <= S * S).
  { subst S. replace ((Np + K) * (Np + K)) with (4 * (K * Np) + (Np * Np + K * K - 2 * (K * Np))).
    - lia.
    - pose proof (square_sum_ge_double_product Np K). lia. }
  assert (HD : (S - 2 * i) * (S - 2 * i) <= S * S - 4 * X <-> S - 2 * i <= D) by apply square_le_iff_le_sqrt.
  assert (Hsq : (S - 2 * i) * (S - 2 * i) + 4 * (i * (S - i)) = S * S) by (subst S; nia).
  assert (HDS : D <= S) by (apply Nat.square_le_simpl_nonneg; [lia|]; pose proof (Nat.sqrt_spec (S * S - 4 * X)); lia).
  assert (Hdiv : (S - D + 1) / 2 <= i <-> S - D <= 2 * i).
  { pose proof (Nat.div_mod (S - D + 1) 2) as E. pose proof (Nat.mod_upper_bound (S - D + 1) 2). lia. }
  rewrite Hdiv. lia.
Qed.

Lemma lo_le_hi Np K X : X <= K * Np -> lo Np K X <= hi Np K X.
Proof.
  intros HX. unfold hi.
  assert (Hm : Nat.min K Np <= K /\ Nat.min K Np <= Np) by lia.
  set (h := Nat.min (Nat.sqrt X) (Nat.min K Np)).
  apply product_ge_iff_lo_le; try (subst h; lia).
  destruct (le_lt_dec (Nat.min K Np) (Nat.sqrt X)) as [H|H].
  - replace h with (Nat.min K Np) by (subst h; lia). nia.
  - (* s = sqrt X < min(K, N_+): X < (s+1)^2 <= s (S - s) + 1 *)
    replace h with (Nat.sqrt X) by (subst h; lia).
    pose proof (Nat.sqrt_spec X ltac:(lia)) as [_ Hs]. set (s := Nat.sqrt X) in *. nia.
Qed.

(* Sharp bounds, for every ranking. *)
Theorem hits_between_lo_hi K l : K <= negatives l ->
  lo (positives l) K (opauc_count K l) <= hits K l <= hi (positives l) K (opauc_count K l).
Proof.
  intros HK.
  pose proof (hits_le_K K l). pose proof (hits_le_positives K l).
  pose proof (hits_squared_lower K l HK) as Hlow. pose proof (opauc_count_upper K l) as Hup.
  assert (opauc_count K l <= K * positives l) as HX.
  { pose proof (opauc_count_from_le 0 K l). unfold opauc_count. nia. }
  split.
  - now apply product_ge_iff_lo_le.
  - apply square_le_iff_le_sqrt in Hlow. unfold hi. lia.
Qed.

(* The lower bound needs no hypothesis at all. *)
Theorem lo_le_hits K l : lo (positives l) K (opauc_count K l) <= hits K l.
Proof.
  apply product_ge_iff_lo_le; [apply hits_le_positives|apply hits_le_K| |apply opauc_count_upper].
  pose proof (opauc_count_from_le 0 K l). unfold opauc_count. nia.
Qed.

(* ... and they cannot be improved: the hits that X allows are exactly lo(X)..hi(X). *)
Theorem attainable_hits_given_X K Np Nn X : K <= Nn -> X <= K * Np ->
  forall i,
  (exists l, positives l = Np /\ negatives l = Nn /\ opauc_count K l = X /\ hits K l = i) <->
  lo Np K X <= i <= hi Np K X.
Proof.
  intros HK HX i.
  transitivity (exists l, positives l = Np /\ negatives l = Nn /\ hits K l = i /\ opauc_count K l = X).
  { split; intros (l & ? & ? & ? & ?); exists l; auto. }
  rewrite attainable_pairs by assumption. unfold hi. rewrite square_le_iff_le_sqrt. split.
  - intros (Hi & Hs & Hup). apply product_ge_iff_lo_le in Hup; lia.
  - intros (Hlo & Hhi). apply product_ge_iff_lo_le in Hlo; lia.
Qed.

(* ... never none. *)
Theorem attainable_hits_never_none K Np Nn X : K <= Nn -> X <= K * Np ->
  exists l, positives l = Np /\ negatives l = Nn /\ opauc_count K l = X.
Proof.
  intros HK HX.
  destruct (attainable_hits_given_X K Np Nn X HK HX (lo Np K X)) as [_ H].
  destruct H as (l & ? & ? & ? & ?).
  { split; [lia|now apply lo_le_hi]. }
  exists l; auto.
Qed.

(* X itself runs over 0..K N_+ and no further. *)
Theorem opauc_count_range K l : opauc_count K l <= K * positives l.
Proof. pose proof (opauc_count_from_le 0 K l). unfold opauc_count. nia. Qed.

(* ---- T3, the paper's floor and ceil forms ---- *)

Lemma lo_paper_le_lo Np K X : lo_paper Np K X <= lo Np K X <= S (lo_paper Np K X).
Proof.
  unfold lo_paper, lo. set (Y := (Np + K) * (Np + K) - 4 * X).
  assert (Nat.sqrt Y <= Nat.sqrt_up Y <= S (Nat.sqrt Y)) as H.
  { split; [apply Nat.le_sqrt_sqrt_up|apply Nat.le_sqrt_up_succ_sqrt]. }
  set (a := Nat.sqrt Y) in *. set (b := Nat.sqrt_up Y) in *. set (S := Np + K).
  split.
  - apply Nat.div_le_mono; lia.
  - transitivity ((S - b + 1 * 2) / 2); [apply Nat.div_le_mono; lia|].
    rewrite Nat.div_add by lia. lia.
Qed.

Lemma hi_le_hi_paper Np K X : hi Np K X <= hi_paper X.
Proof. unfold hi, hi_paper. pose proof (Nat.le_sqrt_sqrt_up X). lia. Qed.

(* Theorem 3 as the paper states it, with K <= N_- in place of its N_+ > K and N_- > K. *)
Theorem theorem3_paper_form K l : K <= negatives l ->
  lo_paper (positives l) K (opauc_count K l) <= hits K l <= hi_paper (opauc_count K l).
Proof.
  intros HK. pose proof (hits_between_lo_hi K l HK).
  pose proof (lo_paper_le_lo (positives l) K (opauc_count K l)).
  pose proof (hi_le_hi_paper (positives l) K (opauc_count K l)). lia.
Qed.

(* The min in hi matters: floor(sqrt 90) = 9 hits cannot fit into K = 5. *)
Example min_in_hi_matters : Nat.sqrt 90 = 9 /\ hi 20 5 90 = 5 /\ hi_paper 90 = 10 /\ lo 20 5 90 = 5 /\ 90 <= 5 * 20.
Proof. repeat split; try reflexivity. lia. Qed.

(* ---- X_m is the paper's double sum over scores ---- *)

Section Scores.

(* Items with a score and a label; above x y says that score x is larger than score y. *)
Variables (Score : Type) (above : Score -> Score -> bool).

Definition scored := list (Score * bool).

Definition scores_of (b : bool) (l : scored) : list Score := map fst (filter (fun x => Bool.eqb (snd x) b) l).

(* Sum over the scores ns of negatives of the number of scores ps of positives above. *)
Fixpoint pairs_above (ps ns : list Score) : nat :=
  match ns with
  | [] => 0
  | s :: ns' => length (filter (fun r => above r s) ps) + pairs_above ps ns'
  end.

(* From the largest score down, no ties. *)
Fixpoint strictly_sorted (l : scored) : Prop :=
  match l with
  | [] => True
  | x :: t => (forall y, In y t -> above (fst x) (fst y) = true /\ above (fst y) (fst x) = false) /\ strictly_sorted t
  end.

Lemma scores_of_in b l s : In s (scores_of b l) -> In (s, b) l.
Proof.
  unfold scores_of. rewrite in_map_iff. intros ([s' b'] & <- & H).
  apply filter_In in H. simpl in *. destruct H as [H E]. apply Bool.eqb_prop in E. now subst.
Qed.

Lemma scores_of_false_length l : length (scores_of false l) = negatives (map snd l).
Proof. unfold scores_of. induction l as [|[s []] l IH]; simpl in *; auto. Qed.

Lemma pairs_above_cons_positive r ps ns : (forall s, In s ns -> above r s = true) ->
  pairs_above (r :: ps) ns = length ns + pairs_above ps ns.
Proof.
  induction ns as [|s ns IH]; intros H; simpl; [reflexivity|].
  rewrite (H s) by now left. rewrite IH by (intros; apply H; now right). simpl. lia.
Qed.

Lemma filter_above_none ps s : (forall r, In r ps -> above r s = false) -> filter (fun r => above r s) ps = [].
Proof.
  induction ps as [|r ps IH]; intros H; simpl; [reflexivity|].
  rewrite (H r) by now left. apply IH. intros; apply H; now right.
Qed.

Lemma in_firstn (T : Type) m (l : list T) x : In x (firstn m l) -> In x l.
Proof. rewrite <- (firstn_skipn m l) at 2. intros H. apply in_or_app. now left. Qed.

(* Equation (8) times N_+ N_- for one context: over all positives, over the m top-scored negatives. *)
Theorem opauc_count_is_double_sum m l : strictly_sorted l ->
  opauc_count m (map snd l) = pairs_above (scores_of true l) (firstn m (scores_of false l)).
Proof.
  unfold opauc_count. revert m. induction l as [|[s []] l IH]; intros m Hs; simpl.
  - now rewrite firstn_nil.
  - destruct Hs as [Hx Hs].
    change (scores_of true ((s, true) :: l)) with (s :: scores_of true l).
    change (scores_of false ((s, true) :: l)) with (scores_of false l).
    rewrite pairs_above_cons_positive.
    + rewrite opauc_count_from_shift, IH, firstn_length, scores_of_false_length by assumption. lia.
    + intros r Hr. apply in_firstn, scores_of_in in Hr. now apply Hx in Hr.
  - destruct Hs as [Hx Hs].
    change (scores_of true ((s, false) :: l)) with (scores_of true l).
    change (scores_of false ((s, false) :: l)) with (s :: scores_of false l).
    destruct m as [|m]; simpl; [reflexivity|].
    rewrite filter_above_none.
    + simpl. now apply IH.
    + intros r Hr. apply scores_of_in in Hr. now apply Hx in Hr.
Qed.

End Scores.
