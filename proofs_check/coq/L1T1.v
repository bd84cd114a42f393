(* Lemma 1 and Theorem 1 (claims L1, T1): the mean of the M largest losses as a worst case and as its dual.
   MathComp, any ordered field with absolute value (realFieldType): the reals, the rationals, the algebraic reals.

   In words. L : losses of n >= 1 negatives, 0 < M <= n, beta = M/n = exp(-rho). A top set is a set A of M negatives such
   that no loss outside exceeds a loss inside; ties may be broken in any way. Then
     mean of L over A                                    (equation 9: DNS with M = n_- beta, p = 1/M on A)
       = max { sum q L : 0 <= q <= 1/M, sum q = 1 }      (Lemma 1: dQ/dP_0 <= exp(rho), the CVaR ball)
       = min over eta of eta + (1/M) sum (L - eta)_+     (equation 15; (1/M) sum = exp(rho) E_{P_0})
   and the maximum, the minimum are attained: by q = 1/M on A, by eta = the M-th largest loss (equation 16), which is
   >= 0 if the losses are. Top sets by score are top sets by loss for every decreasing pair loss l, so problem (1) with
   P_ns = DNS and problem (13) have the same objective for every theta: same value, hence the same minimisers. *)

Set Warnings "-notation-overridden,-ambiguous-paths".
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section TopMean.

Variables (R : realFieldType) (I : finType).
Implicit Types (L q : I -> R) (A : {set I}) (M : nat) (eta : R).

(* ---- definitions ---- *)

(* M negatives, none outside larger than one inside. *)
Definition top_set L M A := #|A| = M /\ forall i j, i \in A -> j \notin A -> L j <= L i.

Definition mean_over A L : R := (\sum_(i in A) L i) / #|A|%:R.

(* The CVaR ball around the uniform distribution at beta = M / n. *)
Definition cvar_ball M q := (forall i, 0 <= q i <= M%:R^-1) /\ \sum_i q i = 1.

Definition expectation q L : R := \sum_i q i * L i.

Definition positive_part (x : R) := Num.max x 0.

Definition cvar_dual L M eta : R := eta + M%:R^-1 * \sum_i positive_part (L i - eta).

(* DNS: 1/M on the top set, 0 elsewhere. *)
Definition dns_weights A : I -> R := fun i => if i \in A then #|A|%:R^-1 else 0.

(* ---- small lemmas ---- *)

Lemma positive_part_ge0 x : 0 <= positive_part x.
Proof. by rewrite /positive_part le_maxr lexx orbT. Qed.

Lemma positive_part_ge x : x <= positive_part x.
Proof. by rewrite /positive_part le_maxr lexx. Qed.

Lemma positive_part_id x : 0 <= x -> positive_part x = x.
Proof. by move=> x0; rewrite /positive_part max_l. Qed.

Lemma positive_part_zero x : x <= 0 -> positive_part x = 0.
Proof. by move=> x0; rewrite /positive_part max_r. Qed.

Lemma dns_expectation A L : expectation (dns_weights A) L = mean_over A L.
Proof.
rewrite /expectation /dns_weights /mean_over big_distrl [RHS]big_mkcond /=.
by apply: eq_bigr => i _; case: ifP => _; rewrite ?mul0r // mulrC.
Qed.

Lemma dns_in_cvar_ball A M : (0 < M)%N -> #|A| = M -> cvar_ball M (dns_weights A).
Proof.
move=> M0 cA; rewrite /dns_weights cA; split=> [i|].
  by case: ifP => _; rewrite ?lexx ?invr_ge0 ?ler0n.
by rewrite -big_mkcond sumr_const cA -[_^-1 *+ M]mulr_natr mulVf // pnatr_eq0 -lt0n.
Qed.

(* ---- weak duality: no q of the ball beats any eta ---- *)

Theorem cvar_weak_duality L M q eta : (0 < M)%N -> cvar_ball M q -> expectation q L <= cvar_dual L M eta.
Proof.
move=> M0 [q01 q1]; rewrite /cvar_dual /expectation mulr_sumr -ler_subl_addl.
have -> : \sum_i q i * L i - eta = \sum_i q i * (L i - eta).
  by rewrite -[X in _ - X]mul1r -q1 mulr_suml -sumrB; apply: eq_bigr => i _; rewrite mulrBr.
apply: ler_sum => i _.
have /andP[q0 qM] := q01 i.
apply: (le_trans (ler_wpmul2l q0 (positive_part_ge _))).
by rewrite ler_wpmul2r // positive_part_ge0.
Qed.

(* ---- strong duality: eta = the smallest loss in the top set closes the gap ---- *)

Lemma least_in_top_set L M A : (0 < M)%N -> top_set L M A ->
  exists2 k, k \in A & forall i, i \in A -> L k <= L i.
Proof.
move=> M0 [cA _]; have /card_gt0P[k0 k0A] : (0 < #|A|)%N by rewrite cA.
by case: (arg_minP L k0A) => k kA kmin; exists k.
Qed.

Theorem cvar_dual_at_least_loss L M A k : (0 < M)%N -> top_set L M A -> k \in A ->
  (forall i, i \in A -> L k <= L i) -> cvar_dual L M (L k) = mean_over A L.
Proof.
move=> M0 [cA topA] kA kmin; have M_neq0 : M%:R != 0 :> R by rewrite pnatr_eq0 -lt0n.
rewrite /cvar_dual /mean_over cA (bigID (mem A)) /= [X in _ * (_ + X)]big1 ?addr0; last first.
  by move=> j jA; rewrite positive_part_zero // subr_le0 topA.
rewrite (eq_bigr (fun i => L i - L k)); last first.
  by move=> i iA; rewrite positive_part_id // subr_ge0 kmin.
rewrite big_split /= sumrN sumr_const cA mulrDr mulrN -[L k *+ M]mulr_natl mulrA mulVf // mul1r.
by rewrite addrCA subrr addr0 mulrC.
Qed.

Theorem dns_is_cvar_maximum L M A : (0 < M)%N -> top_set L M A ->
  forall q, cvar_ball M q -> expectation q L <= mean_over A L.
Proof.
move=> M0 topA q qball; have [k kA kmin] := least_in_top_set M0 topA.
by rewrite -(cvar_dual_at_least_loss M0 topA kA kmin) cvar_weak_duality.
Qed.

(* Lemma 1 with Theorem 1's weights: the maximum over the ball, attained by DNS. *)
Theorem cvar_maximum_attained_by_dns L M A : (0 < M)%N -> top_set L M A ->
  [/\ cvar_ball M (dns_weights A), expectation (dns_weights A) L = mean_over A L
    & forall q, cvar_ball M q -> expectation q L <= mean_over A L].
Proof.
move=> M0 topA; split; last exact: dns_is_cvar_maximum.
  by apply: dns_in_cvar_ball => //; case: topA.
exact: dns_expectation.
Qed.

(* Equation 15: the minimum over eta, attained at the M-th largest loss, which is >= 0 if the losses are. *)
Theorem cvar_minimum_attained L M A : (0 < M)%N -> top_set L M A ->
  (forall eta, mean_over A L <= cvar_dual L M eta) /\
  exists k, [/\ k \in A, forall i, i \in A -> L k <= L i & cvar_dual L M (L k) = mean_over A L].
Proof.
move=> M0 topA; split=> [eta|].
  by rewrite -dns_expectation; apply: cvar_weak_duality => //; apply: dns_in_cvar_ball => //; case: topA.
by have [k kA kmin] := least_in_top_set M0 topA; exists k; split=> //; apply: cvar_dual_at_least_loss topA kA kmin.
Qed.

(* Ties do not matter: all top sets of the same size have the same mean. *)
Theorem top_sets_same_mean L M A B : (0 < M)%N -> top_set L M A -> top_set L M B -> mean_over A L = mean_over B L.
Proof.
move=> M0 topA topB; have le_means C D : top_set L M C -> top_set L M D -> mean_over C L <= mean_over D L.
  move=> topC topD; rewrite -dns_expectation; apply: dns_is_cvar_maximum topD _ _ => //.
  by apply: dns_in_cvar_ball => //; case: topC.
by apply/eqP; rewrite eq_le !le_means.
Qed.

(* ---- top sets exist: the first M of the sorted negatives ---- *)

Definition sorted_items L : seq I := sort (fun i j => L j <= L i) (enum I).

Definition first_M L M : {set I} := [set i in take M (sorted_items L)].

Lemma sorted_items_uniq L : uniq (sorted_items L).
Proof. by rewrite sort_uniq enum_uniq. Qed.

Lemma mem_sorted_items L i : i \in sorted_items L.
Proof. by rewrite mem_sort mem_enum. Qed.

Lemma first_M_is_top_set L M : (M <= #|I|)%N -> top_set L M (first_M L M).
Proof.
move=> Mn; split=> [|i j].
  rewrite cardsE (card_uniqP _) ?take_uniq ?sorted_items_uniq // size_takel //.
  by rewrite size_sort -cardE.
rewrite !inE => iA jA.
have tr : transitive (fun i j => L j <= L i) by move=> b a c ab bc; apply: le_trans bc ab.
have tot : total (fun i j => L j <= L i) by move=> a b; apply: le_total.
have sorted_L := sort_sorted tot (enum I); rewrite -/(sorted_items L) in sorted_L.
move: sorted_L; rewrite -{1}(cat_take_drop M (sorted_items L)) sorted_pairwise // pairwise_cat.
case/and3P => /allrelP all_le _ _; apply: all_le => //.
have := mem_sorted_items L j; rewrite -{1}(cat_take_drop M (sorted_items L)) mem_cat.
by rewrite (negPf jA).
Qed.

(* Equation 9 written with sorting: mean of the M largest. *)
Definition top_mean L M : R := (\sum_(i <- take M (sorted_items L)) L i) / M%:R.

Lemma top_mean_is_mean_over_first_M L M : (M <= #|I|)%N -> top_mean L M = mean_over (first_M L M) L.
Proof.
move=> Mn; rewrite /top_mean /mean_over; have [-> _] := first_M_is_top_set L Mn.
rewrite /first_M; congr (_ / _); rewrite big_uniq ?take_uniq ?sorted_items_uniq //=.
by apply: eq_bigl => i; rewrite inE.
Qed.

Theorem top_mean_of_top_set L M A : (0 < M)%N -> top_set L M A -> mean_over A L = top_mean L M.
Proof.
move=> M0 topA; have Mn : (M <= #|I|)%N by case: topA => <- _; apply: max_card.
rewrite top_mean_is_mean_over_first_M //; apply: top_sets_same_mean topA _ => //.
exact: first_M_is_top_set.
Qed.

(* L1 and equation 15 in one line each, for the mean of the M largest, no top set named. *)
Theorem top_mean_is_maximum L M : (0 < M <= #|I|)%N ->
  (forall q, cvar_ball M q -> expectation q L <= top_mean L M) /\
  exists q, cvar_ball M q /\ expectation q L = top_mean L M.
Proof.
case/andP=> M0 Mn; have topA := first_M_is_top_set L Mn; rewrite -(top_mean_of_top_set M0 topA).
have [ball eqA maxA] := cvar_maximum_attained_by_dns M0 topA.
by split=> //; exists (dns_weights (first_M L M)).
Qed.

Theorem top_mean_is_minimum L M : (0 < M <= #|I|)%N ->
  (forall eta, top_mean L M <= cvar_dual L M eta) /\ exists eta, cvar_dual L M eta = top_mean L M.
Proof.
case/andP=> M0 Mn; have topA := first_M_is_top_set L Mn; rewrite -(top_mean_of_top_set M0 topA).
by have [minA [k [_ _ eqk]]] := cvar_minimum_attained M0 topA; split=> //; exists (L k).
Qed.

(* The paper minimises over eta >= 0 only: no loss for losses >= 0. *)
Theorem dual_minimum_at_nonnegative_eta L M : (0 < M <= #|I|)%N -> (forall i, 0 <= L i) ->
  exists2 eta, 0 <= eta & cvar_dual L M eta = top_mean L M.
Proof.
case/andP=> M0 Mn L0; have topA := first_M_is_top_set L Mn; rewrite -(top_mean_of_top_set M0 topA).
by have [_ [k [_ _ eqk]]] := cvar_minimum_attained M0 topA; exists (L k).
Qed.

End TopMean.

(* ---- T1: DNS picks by score, the ball works on losses; a decreasing pair loss makes them agree ---- *)

Section DNS.

Variables (R : realFieldType) (Context Item : finType) (Theta : Type).
Variables (positives negatives : Context -> {set Item}) (score : Theta -> Context -> Item -> R).
Variable pair_loss : R -> R.
Hypothesis pair_loss_decreasing : {homo pair_loss : x y / x <= y >-> y <= x}.
Variable M : nat.
Hypothesis M_range : forall c, (0 < M <= #|negatives c|)%N.

Implicit Types (t : Theta) (c : Context) (i : Item).

(* L(c,i,j), j a negative of c. *)
Definition loss t c i (j : {j | j \in negatives c}) : R := pair_loss (score t c i - score t c (val j)).

(* S-down[1,M] for context c: a set of M negatives of largest score, ties broken in any way. *)
Definition hardest_negatives t c (A : {set {j | j \in negatives c}}) := top_set (fun j => score t c (val j)) M A.

Lemma top_set_by_score_is_top_set_by_loss t c i A : hardest_negatives t A -> top_set (@loss t c i) M A.
Proof.
move=> [cA topA]; split=> // j k jA kA; apply: pair_loss_decreasing.
by rewrite ler_add2l ler_opp2; apply: topA.
Qed.

(* Problem (1) with P_ns = DNS, problem (9) and problem (13). *)
Definition dns_objective t (A : forall c, {set {j | j \in negatives c}}) : R :=
  \sum_c \sum_(i in positives c) expectation (dns_weights R (A c)) (@loss t c i).

Definition surrogate_objective t : R := \sum_c \sum_(i in positives c) top_mean (@loss t c i) M.

Theorem dns_objective_is_surrogate t A : (forall c, hardest_negatives t (A c)) ->
  dns_objective t A = surrogate_objective t.
Proof.
move=> hardA; apply: eq_bigr => c _; apply: eq_bigr => i _.
have /andP[M0 _] := M_range c; rewrite dns_expectation.
exact: top_mean_of_top_set (top_set_by_score_is_top_set_by_loss i (hardA c)).
Qed.

(* No choice of a q in the ball for every pair does better; DNS is one and attains it: (9) = (13). *)
Theorem surrogate_is_robust_objective t :
  (forall q : forall c, Item -> {j | j \in negatives c} -> R, (forall c i, cvar_ball M (q c i)) ->
     \sum_c \sum_(i in positives c) expectation (q c i) (@loss t c i) <= surrogate_objective t) /\
  exists q : forall c, Item -> {j | j \in negatives c} -> R, (forall c i, cvar_ball M (q c i)) /\
     \sum_c \sum_(i in positives c) expectation (q c i) (@loss t c i) = surrogate_objective t.
Proof.
have M_card c : (0 < M <= #|{: {j | j \in negatives c}}|)%N by rewrite card_sig; apply: M_range.
split=> [q ball|].
  apply: ler_sum => c _; apply: ler_sum => i _.
  by have [max_q _] := top_mean_is_maximum (@loss t c i) (M_card c); apply: max_q.
exists (fun c i => dns_weights R (first_M (@loss t c i) M)); split=> [c i|].
  have /andP[M0 Mn] := M_card c.
  by apply: dns_in_cvar_ball => //; have [] := first_M_is_top_set (@loss t c i) Mn.
apply: eq_bigr => c _; apply: eq_bigr => i _; rewrite dns_expectation.
have /andP[M0 Mn] := M_card c; exact: top_mean_of_top_set (first_M_is_top_set _ Mn).
Qed.

End DNS.
