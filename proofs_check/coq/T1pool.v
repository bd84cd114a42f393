(* Theorem 1 for pools (claim T1-pool; THEORY of the mixture): DNS(M,N) is a mixture of exact OPAUC objectives.
   MathComp, losses in any ordered field (realFieldType).

   In words. n negatives ranked 0 (hardest) .. n-1, losses L_0 .. L_{n-1} (any numbers). A pool is a set of N of them, all
   pools equally likely (drawn without replacement); DNS(M,N) averages the losses of the M hardest of the pool. Then, M < N:
     E[ DNS(M,N) ] = sum over t of Pr(t) * mean(L_0 .. L_{t-1}),   Pr(t) = C(t,M) C(n-1-t, N-M-1) / C(n,N),
   where t is the rank (from 0) of the (M+1)-th hardest of the pool, r = t + 1 the rank from 1: Pr(R=r) =
   C(r-1,M) C(n-r,N-M-1)/C(n,N); mean(L_0 .. L_{t-1}) is the exact OPAUC(t/n) objective; the Pr(t) sum to 1.
   Item weights: E[ DNS(M,N) ] = sum_j w_j L_j, w_j = sum_{a<M} C(j,a) C(n-1-j, N-1-a) / (M C(n,N)).
   M = N is the mean over all negatives (AUC), N = n the exact objective of Theorem 1. *)

Set Warnings "-notation-overridden,-ambiguous-paths".
From mathcomp Require Import all_ssreflect all_algebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* ---- counting sets by their parts ---- *)

Section Counting.

Variable T : finType.
Implicit Types (F X Y B : {set T}).

(* Sets that contain F, a of X, b of Y and nothing else: C(|X|,a) C(|Y|,b). *)
Lemma card_sets_by_parts F X Y (a b : nat) :
  [disjoint F & X] -> [disjoint F & Y] -> [disjoint X & Y] -> F :|: X :|: Y = setT ->
  #|[set B : {set T} | [&& F \subset B, #|B :&: X| == a & #|B :&: Y| == b]]| = ('C(#|X|, a) * 'C(#|Y|, b))%N.
Proof.
move=> FX FY XY full; rewrite -!cards_draws -cardsX.
set D := setX _ _; set E := [set B | _].
have XF0 : X :&: F = set0 by apply/eqP; rewrite setIC setI_eq0.
have YF0 : Y :&: F = set0 by apply/eqP; rewrite setIC setI_eq0.
have XY0 : X :&: Y = set0 by apply/eqP; rewrite setI_eq0.
have joinX (U V : {set T}) : U \subset X -> V \subset Y -> (F :|: U :|: V) :&: X = U.
  move=> UX VY; apply/setP=> x; rewrite !inE.
  have [xX|xX] := boolP (x \in X); last first.
    by rewrite andbF; apply/esym/negbTE; apply: contra xX; apply: (subsetP UX).
  have -> : x \in F = false by apply/negbTE; rewrite (disjointFl FX xX).
  have -> : x \in V = false.
    by apply/negbTE; apply/negP => /(subsetP VY) xY; rewrite (disjointFr XY xX) in xY.
  by rewrite orbF andbT.
have joinY (U V : {set T}) : U \subset X -> V \subset Y -> (F :|: U :|: V) :&: Y = V.
  move=> UX VY; apply/setP=> x; rewrite !inE.
  have [xY|xY] := boolP (x \in Y); last first.
    by rewrite andbF; apply/esym/negbTE; apply: contra xY; apply: (subsetP VY).
  have -> : x \in F = false by apply/negbTE; rewrite (disjointFl FY xY).
  have -> : x \in U = false.
    by apply/negbTE; apply/negP => /(subsetP UX) xX; rewrite (disjointFr XY xX) in xY.
  by rewrite andbT.
rewrite -(card_in_imset (f := fun p : {set T} * {set T} => F :|: p.1 :|: p.2) (D := mem D)); last first.
  move=> [U V] [U' V'] /=; rewrite !inE /=.
  move=> /andP[/andP[UX _] /andP[VY _]] /andP[/andP[UX' _] /andP[VY' _]] eqB.
  have eU : U = U' by rewrite -(joinX U V UX VY) eqB joinX.
  have eV : V = V' by rewrite -(joinY U V UX VY) eqB joinY.
  by rewrite eU eV.
apply: eq_card => B; rewrite [in LHS]inE; apply/idP/imsetP.
  case/and3P=> FB BX BY; exists (B :&: X, B :&: Y).
    by rewrite !inE /= !subsetIr BX BY.
  apply/setP=> x; rewrite /= !inE.
  have [xB|xB] := boolP (x \in B); last first.
    by rewrite !orbF; apply/esym/negbTE; apply: contra xB; apply: (subsetP FB).
  by move/setP/(_ x): full; rewrite !inE.
case=> [[U V]] /=; rewrite !inE /= => /andP[/andP[UX cU] /andP[VY cV]] ->.
by rewrite joinX // joinY // cU cV -setUA subsetUl.
Qed.

End Counting.

(* ---- ranks within a pool ---- *)

Section Ranks.

Variable n : nat.
Implicit Types (B : {set 'I_n}) (j t : 'I_n) (M N r : nat).

(* Ranks above r, ranks below r (rank 0 is the hardest). *)
Definition harder r : {set 'I_n} := [set j : 'I_n | (j < r)%N].
Definition easier r : {set 'I_n} := [set j : 'I_n | (r < j)%N].

(* How many of the pool rank above r. *)
Definition above B r : nat := #|B :&: harder r|.

Definition hardest M B : {set 'I_n} := [set j in B | (above B j < M)%N].

Definition pools N : {set {set 'I_n}} := [set B : {set 'I_n} | #|B| == N].

Lemma card_pools N : #|pools N| = 'C(n, N).
Proof.
rewrite -[in RHS](card_ord n) -cardsT -cards_draws; apply: eq_card => B.
by rewrite !inE subsetT.
Qed.

Lemma harderS j : harder j.+1 = j |: harder j.
Proof. by apply/setP=> k; rewrite !inE ltnS leq_eqVlt. Qed.

Lemma harder_all : harder n = setT.
Proof. by apply/setP=> k; rewrite !inE ltn_ord. Qed.

Lemma harder0 : harder 0 = set0.
Proof. by apply/setP=> k; rewrite !inE. Qed.

Lemma cardI_harderS B j : #|B :&: harder j.+1| = (#|B :&: harder j| + (j \in B))%N.
Proof.
rewrite harderS setIUr; have [jB|jB] := boolP (j \in B).
  rewrite (setIidPr _) ?sub1set // cardsU1 !inE ltnn andbF /= addn1 //.
suff -> : B :&: [set j] = set0 by rewrite set0U addn0.
by apply/eqP; rewrite setI_eq0 disjoint_sym disjoints1.
Qed.

Lemma above_step B r (rn : (r < n)%N) : above B r.+1 = (above B r + (Ordinal rn \in B))%N.
Proof. exact: (cardI_harderS B (Ordinal rn)). Qed.

Lemma above0 B : above B 0 = 0%N.
Proof. by rewrite /above harder0 setI0 cards0. Qed.

Lemma above_all B : above B n = #|B|.
Proof. by rewrite /above harder_all setIT. Qed.

Lemma card_harder r : (r <= n)%N -> #|harder r| = r.
Proof.
elim: r => [|r IH] rn; first by rewrite harder0 cards0.
have := above_step setT rn; rewrite /above !setTI IH ?(ltnW rn) // inE addn1; exact.
Qed.

Lemma card_easier t : #|easier t| = (n.-1 - t)%N.
Proof.
have : easier t = ~: harder t.+1 by apply/setP=> k; rewrite !inE -leqNgt.
move=> ->; apply/eqP; rewrite -(eqn_add2l #|harder t.+1|) cardsC card_ord card_harder ?ltn_ord //.
by case: n t => [[]|m] t //=; rewrite addSn subnKC // -ltnS ltn_ord.
Qed.

(* Of the hardest M of a pool, min(M, .) rank above r. *)
Lemma above_hardest M B r : (r <= n)%N -> above (hardest M B) r = minn M (above B r).
Proof.
elim: r => [|r IH] rn; first by rewrite !above0 minn0.
rewrite !above_step (IH (ltnW rn)) inE -/(above B r).
case: (_ \in B); rewrite ?addn0 //=; change (Ordinal rn : nat) with r.
have [cM|cM] := ltnP (above B r) M.
  by rewrite !addn1 (minn_idPr cM).
by rewrite addn0 addn1 (minn_idPl (leqW cM)).
Qed.

Lemma card_hardest M B : (M <= #|B|)%N -> #|hardest M B| = M.
Proof. by move=> MB; rewrite -above_all above_hardest // above_all (minn_idPl MB). Qed.

(* The item of the pool with M pool items above it: none above r until M + 1 of the pool are, exactly one then. *)
Definition next_hardest M B : {set 'I_n} := [set t in B | above B t == M].

Lemma above_next M B r : (r <= n)%N -> above (next_hardest M B) r = (M < above B r)%N.
Proof.
elim: r => [|r IH] rn; first by rewrite !above0.
rewrite !above_step (IH (ltnW rn)) inE.
case: (_ \in B); rewrite ?addn0 //=; change (Ordinal rn : nat) with r.
rewrite addn1 ltnS [(M <= _)%N]leq_eqVlt [M == _]eq_sym.
by case: (eqVneq (above B r) M) => [->|_]; rewrite ?ltnn ?orbT ?orbF ?addn0.
Qed.

Lemma one_next M B : (M < #|B|)%N -> #|next_hardest M B| = 1%N.
Proof. by move=> MB; rewrite -above_all above_next // above_all MB. Qed.

Lemma hardest_above_next M B t : t \in B -> above B t = M -> hardest M B = B :&: harder t.
Proof.
move=> tB <-; apply/setP=> j; rewrite !inE; case jB: (j \in B) => //=.
have [jt|tj] := ltnP j t.
  apply: proper_card; apply/properP; split.
    by apply: setIS; apply/subsetP=> k; rewrite !inE => kj; apply: ltn_trans kj jt.
  by exists j; rewrite !inE jB ?jt ?ltnn.
apply/negbTE; rewrite -leqNgt; apply: subset_leq_card; apply: setIS.
by apply/subsetP=> k; rewrite !inE => kt; apply: leq_trans kt tj.
Qed.

Lemma card_split_at B t : t \in B -> #|B| = (above B t + #|B :&: easier t|).+1.
Proof.
move=> tB; rewrite -[in LHS](setID B (harder t.+1)) cardsU.
have -> : B :\: harder t.+1 = B :&: easier t by apply/setP=> k; rewrite !inE -leqNgt andbC.
rewrite cardI_harderS tB addn1 addSn.
have -> : B :&: harder t.+1 :&: (B :&: easier t) = set0; last by rewrite cards0 subn0.
by apply/setP=> k; rewrite !inE ltnS leqNgt; case: (k \in B) => //=; case: ltnP.
Qed.

(* ---- how many pools ---- *)

Lemma sum_and_part (x y a N : nat) : (a <= N)%N -> ((x + y)%N == N) && (x == a) = (x == a) && (y == (N - a)%N).
Proof.
move=> aN; rewrite andbC; case: (eqVneq x a) => [->|] //=.
by rewrite -{1}(subnKC aN) eqn_add2l.
Qed.

(* ... contain j and have a items above it. *)
Lemma card_pools_with_above N a j : (a < N)%N ->
  #|[set B in pools N | (j \in B) && (above B j == a)]| = ('C(j, a) * 'C(n.-1 - j, N.-1 - a))%N.
Proof.
case: N => // N; rewrite ltnS /= => aN.
rewrite -card_easier -[in 'C(j, _)](@card_harder j) ?(ltnW (ltn_ord j)) //.
rewrite -(@card_sets_by_parts _ [set j]).
- apply: eq_card => B; rewrite !inE sub1set; case jB: (j \in B); rewrite /= ?andbF //.
  by rewrite (card_split_at jB) eqSS; apply: sum_and_part.
- by rewrite disjoints1 inE ltnn.
- by rewrite disjoints1 inE ltnn.
- by rewrite -setI_eq0; apply/eqP/setP=> k; rewrite !inE; case: ltngtP.
- by apply/setP=> k; rewrite !inE -val_eqE /=; case: ltngtP.
Qed.

(* ... have t as their (M+1)-th hardest and contain j < t. *)
Lemma card_pools_with_next M N j t : (M < N)%N -> (0 < M)%N -> (j < t)%N ->
  #|[set B in pools N | [&& t \in B, above B t == M & j \in B]]| = ('C(t.-1, M.-1) * 'C(n.-1 - t, N - M.+1))%N.
Proof.
case: M => // M; case: N => // N; rewrite ltnS /= subSS => MN _ jt.
have cX : #|harder t :\ j| = t.-1.
  have /(congr1 predn) := cardsD1 j (harder t).
  by rewrite card_harder ?(ltnW (ltn_ord t)) // inE jt add1n /= => ->.
rewrite -cX -card_easier -(@card_sets_by_parts _ [set j; t]).
- apply: eq_card => B; rewrite !inE subUset !sub1set.
  case tB: (t \in B); rewrite /= ?andbF //; case jB: (j \in B); rewrite /= ?andbF // andbT.
  rewrite (card_split_at tB) eqSS /above.
  have -> : #|B :&: harder t| = #|B :&: (harder t :\ j)|.+1.
    rewrite (cardsD1 j) !inE jB jt /= add1n; congr _.+1; apply: eq_card => k; rewrite !inE.
    by rewrite andbCA.
  by rewrite eqSS (sum_and_part _ _ MN) eqSS.
- rewrite -setI_eq0; apply/eqP/setP=> k; rewrite !inE -!val_eqE /=.
  by case: ltngtP; rewrite ?andbF // => _; case: ltngtP.
- rewrite -setI_eq0; apply/eqP/setP=> k; rewrite !inE -!val_eqE /=.
  by apply/negbTE/negP=> /andP[/orP[/eqP->|/eqP->]]; rewrite ?ltnn // ltnNge (ltnW jt).
- rewrite -setI_eq0; apply/eqP/setP=> k; rewrite !inE -!val_eqE /=.
  by case: (ltngtP k t); rewrite ?andbF.
- apply/setP=> k; rewrite !inE -!val_eqE /=.
  by case: (ltngtP k j); case: (ltngtP k t); rewrite ?orbT.
Qed.

End Ranks.

(* ---- the mixture ---- *)

Section Mixture.

Variables (R : realFieldType) (n : nat) (L : 'I_n -> R).
Implicit Types (B : {set 'I_n}) (j t : 'I_n) (M N : nat).

(* DNS(M,N) on one pool, and on average over all pools of N. *)
Definition dns_value M B : R := (\sum_(j in hardest M B) L j) / M%:R.

Definition expected_dns M N : R := (\sum_(B in pools n N) dns_value M B) / 'C(n, N)%:R.

(* The exact OPAUC(t/n) objective: mean loss of the t hardest negatives. *)
Definition exact_opauc (r : nat) : R := (\sum_(j in harder n r) L j) / r%:R.

Definition mixture_weight M N t : R := ('C(t, M) * 'C(n.-1 - t, N - M.+1))%:R / 'C(n, N)%:R.

Definition item_weight M N j : R :=
  (\sum_(a < M) 'C(j, a) * 'C(n.-1 - j, N.-1 - a))%:R / (M * 'C(n, N))%:R.

Lemma sum_over_pools_by_next M N (f : {set 'I_n} -> R) : (M < N)%N ->
  \sum_(B in pools n N) f B = \sum_t \sum_(B in pools n N | t \in next_hardest M B) f B.
Proof.
move=> MN; rewrite (exchange_big_dep (mem (pools n N))) /=; last by move=> t B _ /andP[].
apply: eq_bigr => B; rewrite inE => /eqP cB.
rewrite (eq_bigl (mem (next_hardest M B))); last by move=> t; rewrite cB eqxx.
by rewrite sumr_const one_next ?cB.
Qed.

Lemma mulr_binom_succ (t M : nat) : (0 < M)%N -> (0 < t)%N ->
  'C(t.-1, M.-1)%:R / M%:R = 'C(t, M)%:R / t%:R :> R.
Proof.
case: M t => [|M] [|t] // _ _ /=; apply/eqP; rewrite eqr_div ?pnatr_eq0 // -!natrM mulnC mul_bin_diag.
by rewrite [('C(_, _) * _)%N]mulnC.
Qed.

(* Given that t is the (M+1)-th hardest, the pools contribute C(t,M) C(n-1-t,N-M-1) times the mean loss above t. *)
Lemma dns_given_next M N t : (0 < M < N)%N ->
  \sum_(B in pools n N | t \in next_hardest M B) dns_value M B =
  ('C(t, M) * 'C(n.-1 - t, N - M.+1))%:R * exact_opauc t.
Proof.
case/andP=> M0 MN; rewrite /dns_value -mulr_suml.
have -> : \sum_(B in pools n N | t \in next_hardest M B) \sum_(j in hardest M B) L j =
          \sum_(j in harder n t) L j *+ ('C(t.-1, M.-1) * 'C(n.-1 - t, N - M.+1)).
  rewrite (exchange_big_dep (mem (harder n t))) /=; last first.
    move=> B j /andP[_]; rewrite inE => /andP[tB /eqP aB].
    by rewrite (hardest_above_next tB aB) !inE => /andP[].
  apply: eq_bigr => j; rewrite inE => jt; rewrite -(card_pools_with_next MN M0 jt) -sumr_const.
  apply: eq_bigl => B; rewrite !inE; case: (_ == N) => //=.
  case tB: (t \in B) => //=; case: eqP => //= aB.
  by have /setP/(_ j) := hardest_above_next tB aB; rewrite !inE jt andbT.
rewrite sumrMnl /exact_opauc; set S := \sum_(j in _) L j.
have [t0|t0] := posnP t.
  have -> : S = 0 by rewrite /S big_pred0 // => j; rewrite inE t0.
  by rewrite mul0rn !mul0r mulr0.
rewrite -[S *+ _]mulr_natr !natrM; set b := 'C(n.-1 - t, _)%:R.
rewrite [_ * b]mulrC [S * _]mulrA -mulrA mulr_binom_succ //.
by rewrite [S * b]mulrC mulrACA [_ * b]mulrC.
Qed.

(* T1-pool: the expected DNS(M,N) value is a mixture of exact OPAUC objectives. *)
Theorem dns_pool_is_opauc_mixture M N : (0 < M < N)%N ->
  expected_dns M N = \sum_t mixture_weight M N t * exact_opauc t.
Proof.
move=> MN; have /andP[_ MltN] := MN; rewrite /expected_dns (sum_over_pools_by_next _ MltN) mulr_suml.
by apply: eq_bigr => t _; rewrite dns_given_next // /mixture_weight mulrAC.
Qed.

Lemma mixture_weight_ge0 M N t : 0 <= mixture_weight M N t.
Proof. by rewrite /mixture_weight divr_ge0 ?ler0n. Qed.

Lemma sum_indicator (c M : nat) : (\sum_(a < M) (c == a :> nat))%N = (c < M)%N.
Proof.
elim: M => [|M IH]; first by rewrite big_ord0.
rewrite big_ord_recr /= IH [in RHS]ltnS [in RHS]leq_eqVlt.
by case: (ltngtP c M).
Qed.

(* The item weights in closed form. *)
Theorem dns_pool_item_weights M N : (0 < M <= N)%N -> expected_dns M N = \sum_j item_weight M N j * L j.
Proof.
case/andP=> M0 MN; rewrite /expected_dns /dns_value -mulr_suml (exchange_big_dep xpredT) //= -mulrA mulr_suml.
apply: eq_bigr => j _; rewrite sumr_const.
have -> : #|[pred B in pools n N | j \in hardest M B]| = (\sum_(a < M) 'C(j, a) * 'C(n.-1 - j, N.-1 - a))%N.
  rewrite -(eq_bigr _ (fun (a : 'I_M) _ => card_pools_with_above j (leq_trans (ltn_ord a) MN))).
  rewrite (eq_bigr (fun a : 'I_M => \sum_(B in pools n N | j \in B) (above B j == a :> nat))%N); last first.
    move=> a _; rewrite -sum1dep_card big_mkcondr [RHS]big_mkcondr /=; apply: eq_bigr => B _.
    by case: (j \in B); case: eqP.
  rewrite exchange_big /= -sum1_card big_mkcondr [RHS]big_mkcondr /=; apply: eq_bigr => B _.
  by rewrite inE sum_indicator; case: (j \in B); case: ltnP.
by rewrite /item_weight -[L j *+ _]mulr_natl natrM invfM mulrAC.
Qed.

(* The mixture weights are the probabilities of the (M+1)-th hardest rank. *)
Theorem mixture_weight_is_probability M N t : (M < N)%N ->
  mixture_weight M N t = #|[set B in pools n N | t \in next_hardest M B]|%:R / #|pools n N|%:R.
Proof.
move=> MN; rewrite /mixture_weight card_pools; congr (_%:R / _).
rewrite -[(N - M.+1)%N]/(N - (1 + M))%N subnDA subn1 -card_pools_with_above //.
by apply: eq_card => B; rewrite !inE.
Qed.

Theorem mixture_weights_sum_to_one M N : (M < N <= n)%N -> \sum_t mixture_weight M N t = 1.
Proof.
case/andP=> MN Nn; rewrite (eq_bigr _ (fun t _ => mixture_weight_is_probability t MN)) -mulr_suml.
have pools_gt0 : #|pools n N|%:R != 0 :> R by rewrite card_pools pnatr_eq0 -lt0n bin_gt0.
apply/eqP; rewrite -(inj_eq (mulIf pools_gt0)) mul1r mulfVK //; apply/eqP.
rewrite -[RHS]sumr_const (sum_over_pools_by_next (fun=> 1) MN).
by apply: eq_bigr => t _; rewrite sumr_const; congr (_%:R); apply: eq_card => B; rewrite inE.
Qed.

(* M = N: the pool as a whole, AUC. *)
Theorem dns_whole_pool_is_auc N : (0 < N <= n)%N -> expected_dns N N = exact_opauc n.
Proof.
case/andP=> N0 Nn; have n0 : (0 < n)%N := leq_trans N0 Nn.
rewrite dns_pool_item_weights ?N0 ?leqnn // /exact_opauc mulr_suml harder_all.
rewrite [RHS](eq_bigl xpredT) => [|j]; last by rewrite inE.
apply: eq_bigr => j _; rewrite mulrC; congr (_ * _); rewrite /item_weight.
have -> : (\sum_(a < N) 'C(j, a) * 'C(n.-1 - j, N.-1 - a))%N = 'C(n.-1, N.-1).
  have := Vandermonde j (n.-1 - j) N.-1; rewrite (prednK N0) => ->.
  by rewrite subnKC // -ltnS prednK.
have := mul_bin_diag n N.-1; rewrite (prednK N0) => <-; rewrite natrM invfM mulrCA mulfV ?mulr1 //.
by rewrite pnatr_eq0 -lt0n bin_gt0 -!subn1 leq_sub2r.
Qed.

(* N = n: the pool is everything, the exact objective of Theorem 1. *)
Theorem dns_full_pool_is_exact M : (0 < M <= n)%N -> expected_dns M n = exact_opauc M.
Proof.
case/andP=> M0 Mn; rewrite /expected_dns binn divr1 (big_pred1 setT) => [|B]; last first.
  by rewrite inE /= eqEcard subsetT cardsT card_ord eqn_leq -[X in (_ <= X)%N && _](card_ord n) max_card.
rewrite /dns_value /exact_opauc; congr (_ / _); apply: eq_bigl => j.
by rewrite !inE /above setTI card_harder // ltnW.
Qed.

End Mixture.
