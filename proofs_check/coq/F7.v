(* The order of hardness of DNS(M,N) (claim F7). MathComp, any ordered field (realFieldType).

   In words. For one pool B, min(M, b)/M of the DNS(M,N) weight lies on ranks above r, b the number of pool items above r.
   This share falls as M grows, for every pool and every r, so the cumulative sampling probability W(r) falls with M.
   It rises as the pool grows by any item, and on average over pools W(r) rises with N: pools of N + 1 are harder than
   pools of N, first-order stochastic dominance. *)

Set Warnings "-notation-overridden,-ambiguous-paths".
From mathcomp Require Import all_ssreflect all_algebra.
From HNS Require Import T1pool.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Dominance.

Variables (R : realFieldType) (n : nat).
Implicit Types (B : {set 'I_n}) (M N r : nat).

(* The share of DNS(M,.)'s weight on ranks above r, for one pool and on average over the pools of N. *)
Definition pool_share M r B : R := #|hardest M B :&: harder n r|%:R / M%:R.

Definition cumulative M N r : R := (\sum_(B in pools n N) pool_share M r B) / 'C(n, N)%:R.

Lemma pool_share_min M r B : (r <= n)%N -> pool_share M r B = (minn M (above B r))%:R / M%:R.
Proof. by move=> rn; rewrite /pool_share -(above_hardest M B rn). Qed.

Lemma cross_min_le (M M' b : nat) : (M <= M')%N -> (minn M' b * M <= minn M b * M')%N.
Proof.
move=> MM; have [bM|Mb] := leqP b M.
  by rewrite (minn_idPr (leq_trans bM MM)) leq_mul2l MM orbT.
by rewrite mulnC leq_mul2l geq_minl orbT.
Qed.

(* Smaller M is harder, pool by pool and at every rank. *)
Theorem pool_share_decreasing_in_M M M' r B : (0 < M <= M')%N -> (r <= n)%N ->
  pool_share M' r B <= pool_share M r B.
Proof.
case/andP=> M0 MM rn; rewrite !pool_share_min // ler_pdivr_mulr ?ltr0n ?(leq_trans M0) //.
rewrite mulrAC ler_pdivl_mulr ?ltr0n // -!natrM ler_nat; exact: cross_min_le.
Qed.

Theorem cumulative_decreasing_in_M M M' N r : (0 < M <= M')%N -> (r <= n)%N ->
  cumulative M' N r <= cumulative M N r.
Proof.
move=> MM rn; rewrite /cumulative ler_wpmul2r ?invr_ge0 ?ler0n //.
by apply: ler_sum => B _; apply: pool_share_decreasing_in_M.
Qed.

Lemma pool_share_monotone M r B B' : (r <= n)%N -> B \subset B' -> pool_share M r B <= pool_share M r B'.
Proof.
move=> rn BB; rewrite !pool_share_min // ler_wpmul2r ?invr_ge0 ?ler0n // ler_nat leq_min geq_minl /=.
by apply: leq_trans (geq_minr _ _) _; apply: subset_leq_card; apply: setSI.
Qed.

(* Every pool of N + 1 is N + 1 pools of N with one item added, every pool of N can be enlarged n - N times. *)
Lemma sum_over_larger_pools N (f : {set 'I_n} -> R) : (forall B x, f B <= f (x |: B)) ->
  (n - N)%:R * (\sum_(B in pools n N) f B) <= N.+1%:R * (\sum_(B in pools n N.+1) f B) :> R.
Proof.
move=> fmono; rewrite !mulr_sumr.
apply: (@le_trans _ _ (\sum_(B in pools n N) \sum_(x in ~: B) f (x |: B))).
  apply: ler_sum => B; rewrite inE => /eqP cB; rewrite mulr_natl.
  have <- : #|~: B| = (n - N)%N by rewrite cardsCs setCK card_ord cB.
  by rewrite -sumr_const; apply: ler_sum => x _.
rewrite le_eqVlt; apply/orP; left; apply/eqP.
rewrite pair_big_dep /=.
rewrite [RHS](eq_bigr (fun B' : {set 'I_n} => \sum_(x in B') f B')); last first.
  by move=> B'; rewrite inE => /eqP cB'; rewrite sumr_const cB' mulr_natl.
rewrite pair_big_dep /=.
rewrite (reindex_onto (fun p : {set 'I_n} * 'I_n => (p.1 :\ p.2, p.2)) (fun p => (p.2 |: p.1, p.2))) /=; last first.
  by move=> [B x] /= /andP[_]; rewrite inE => xB; rewrite setU1K.
apply: eq_big => [[B x] /=|[B x] /= /andP[/andP[_ _]]]; last by case/eqP=> ->.
rewrite !inE eqxx /= andbT; case xB: (x \in B).
  by rewrite setD1K // eqxx !andbT (cardsD1 x B) xB add1n eqSS.
rewrite andbF; apply/negbTE; rewrite negb_and; apply/orP; right.
by apply/eqP=> -[eB]; move: xB; rewrite -eB !inE eqxx.
Qed.

(* Larger pools are harder, at every rank. *)
Theorem cumulative_increasing_in_N M N r : (N < n)%N -> (r <= n)%N -> cumulative M N r <= cumulative M N.+1 r.
Proof.
move=> Nn rn; have := @sum_over_larger_pools N (pool_share M r) _.
move=> /(_ (fun B x => pool_share_monotone M rn (subsetUr [set x] B))) H.
have C0 : 0 < 'C(n, N)%:R :> R by rewrite ltr0n bin_gt0 ltnW.
have C1 : 0 < 'C(n, N.+1)%:R :> R by rewrite ltr0n bin_gt0.
rewrite /cumulative ler_pdivr_mulr // mulrAC ler_pdivl_mulr //.
have N0 : 0 < N.+1%:R :> R by rewrite ltr0n.
rewrite -(ler_pmul2l N0) mulrCA -natrM mul_bin_left natrM [(n - N)%:R * _]mulrC mulrCA.
by rewrite [X in _ <= X]mulrA [X in _ <= X]mulrC ler_pmul2l // mulrC.
Qed.

End Dominance.
