(* Pools (claims S1-nested, M1): DNS(M, N)'s law is that of a sampled metric, and harder samplers keep ties. Coq's reals.

   In words. Each of n draws falls on the hardest share F of the negatives with probability F; B counts them. E n f F is
   the expectation of f(B). W(F) = E min(M, B)/M over N draws is the share of DNS(M, N)'s weight on the hardest share F.
     1. M1: W'(F) = (N/M) P(B < M) over N - 1 draws: the chance that a positive with FPR F is among the best M against
        N - 1 sampled negatives, times N/M.
     2. The density of a harder W, smaller M or larger N, over that of a softer one falls as F grows.
     3. So a harder W is a concave function of a softer one: a point of the ROC curve that lies under a chord in the softer
        coordinates (W, TPR) does so in the harder ones. What a softer sampler's minimiser ties, a harder one's ties. *)

From Coq Require Import Reals Lra Lia Arith.
From HNS Require Import T2.
Local Open Scope R_scope.

(* ---- expectations over draws, by the first draw ---- *)

Fixpoint E (n : nat) (f : nat -> R) (F : R) : R :=
  match n with
  | O => f O
  | S m => (1 - F) * E m f F + F * E m (fun k => f (S k)) F
  end.

Lemma E_ext n f g F : (forall k, f k = g k) -> E n f F = E n g F.
Proof.
  revert f g. induction n as [|n IH]; intros f g H; simpl; [apply H|].
  rewrite (IH f g H), (IH (fun k => f (S k)) (fun k => g (S k))); [reflexivity|]. intros k. apply H.
Qed.

Lemma E_plus n f g F : E n (fun k => f k + g k) F = E n f F + E n g F.
Proof.
  revert f g. induction n as [|n IH]; intros f g; simpl; [reflexivity|].
  rewrite (IH f g), (IH (fun k => f (S k)) (fun k => g (S k))). ring.
Qed.

Lemma E_scale n c f F : E n (fun k => c * f k) F = c * E n f F.
Proof.
  revert f. induction n as [|n IH]; intros f; simpl; [reflexivity|]. rewrite (IH f), (IH (fun k => f (S k))). ring.
Qed.

Lemma E_minus n f g F : E n (fun k => f k - g k) F = E n f F - E n g F.
Proof.
  rewrite (E_ext n _ (fun k => f k + (-1) * g k)) by (intros; ring). rewrite E_plus, E_scale. ring.
Qed.

(* d/dF E f(B) over n + 1 draws is n + 1 times E (f(B+1) - f(B)) over n. *)
Lemma E_derivative n : forall f F,
  derivable_pt_lim (E (S n) f) F (INR (S n) * E n (fun k => f (S k) - f k) F).
Proof.
  induction n as [|n IH]; intros f F.
  - replace (INR 1 * E 0 (fun k => f (S k) - f k) F) with (f 1%nat - f 0%nat) by (simpl; ring).
    set (c := f 1%nat - f 0%nat).
    apply derivable_pt_lim_ext with (fun F => f 0%nat + c * F); [intros x; unfold c; simpl; ring|].
    assert (derivable_pt_lim (fun F => f 0%nat + c * F) F (0 + c * 1)) as H.
    { apply (derivable_pt_lim_plus (fun _ => f 0%nat) (fun F => c * F)); [apply derivable_pt_lim_const|].
      apply (derivable_pt_lim_scal (fun F => F)). apply derivable_pt_lim_id. }
    replace (0 + c * 1) with c in H by ring. exact H.
  - set (d := fun k => f (S k) - f k). set (fs := fun k => f (S k)).
    change (E (S (S n)) f) with (fun F => (1 - F) * E (S n) f F + F * E (S n) fs F).
    assert (Ed : E (S n) d F = E (S n) fs F - E (S n) f F) by apply E_minus.
    replace (INR (S (S n)) * E (S n) d F) with
      ((0 - 1) * E (S n) f F + (1 - F) * (INR (S n) * E n d F) +
       (1 * E (S n) fs F + F * (INR (S n) * E n (fun k => d (S k)) F))).
    + apply (derivable_pt_lim_plus (fun F => (1 - F) * E (S n) f F) (fun F => F * E (S n) fs F)).
      * apply (derivable_pt_lim_mult (fun F => 1 - F) (E (S n) f)); [|apply IH].
        apply (derivable_pt_lim_minus (fun _ => 1) (fun F => F)); [apply derivable_pt_lim_const|apply derivable_pt_lim_id].
      * apply (derivable_pt_lim_mult (fun F => F) (E (S n) fs)); [apply derivable_pt_lim_id|apply IH].
    + rewrite (S_INR (S n)). set (c := INR (S n)).
      assert (Er : E (S n) d F = (1 - F) * E n d F + F * E n (fun k => d (S k)) F) by reflexivity.
      set (x := E (S n) d F) in *. set (y := E (S n) fs F) in *. set (z := E (S n) f F) in *.
      set (u := E n d F) in *. set (v := E n (fun k => d (S k)) F) in *. clearbody x y z u v c.
      replace ((c + 1) * x) with (c * x + x) by ring. rewrite Ed at 2. rewrite Er. ring.
Qed.

(* ---- 1. DNS(M, N) and sampled metrics ---- *)

Definition below (M k : nat) : R := if Nat.ltb k M then 1 else 0.
Definition hit (M n : nat) (F : R) : R := E n (below M) F.   (* P(B < M) over n draws: hit@M among n sampled negatives *)
Definition weight (M N : nat) (F : R) : R := E N (fun k => INR (Nat.min M k)) F / INR M.
Definition density (M N : nat) (F : R) : R := INR N / INR M * hit M (pred N) F.

Lemma min_step M k : INR (Nat.min M (S k)) - INR (Nat.min M k) = below M k.
Proof.
  unfold below. destruct (Nat.ltb_spec k M) as [H|H].
  - rewrite !Nat.min_r by lia. rewrite S_INR. ring.
  - rewrite !Nat.min_l by lia. ring.
Qed.

Theorem dns_density_is_sampled_hit M N F : (0 < M)%nat -> (0 < N)%nat -> derivable_pt_lim (weight M N) F (density M N F).
Proof.
  intros HM HN. destruct N as [|N]; [lia|]. unfold density, weight, hit. simpl pred.
  replace (INR (S N) / INR M * E N (below M) F) with (/ INR M * (INR (S N) * E N (below M) F)) by (unfold Rdiv; ring).
  apply derivable_pt_lim_ext with (fun F => / INR M * E (S N) (fun k => INR (Nat.min M k)) F).
  - intros x. unfold Rdiv. ring.
  - apply (derivable_pt_lim_scal (E (S N) (fun k => INR (Nat.min M k)))).
    rewrite (E_ext N (below M) (fun k => INR (Nat.min M (S k)) - INR (Nat.min M k))).
    + apply E_derivative.
    + intros k. symmetry. apply min_step.
Qed.

(* ---- 2. ratios of densities fall ---- *)

Definition at_ (m k : nat) : R := if Nat.eqb k m then 1 else 0.
Definition prob (m n : nat) (F : R) : R := E n (at_ m) F.   (* P(B = m) over n draws *)

Fixpoint binom (n k : nat) : nat :=
  match n, k with
  | _, O => 1
  | O, S _ => 0
  | S n, S k => binom n k + binom n (S k)
  end%nat.

Lemma binom_zero n : forall k, (n < k)%nat -> binom n k = 0%nat.
Proof.
  induction n as [|n IH]; intros [|k] H; try lia; [reflexivity|]. simpl. rewrite !IH by lia. reflexivity.
Qed.

Lemma E_zero n F : E n (fun _ => 0) F = 0.
Proof. rewrite (E_ext n _ (fun k => 0 * 0)) by (intros; ring). rewrite E_scale. ring. Qed.

Lemma prob_closed n : forall m F, prob m n F = INR (binom n m) * F ^ m * (1 - F) ^ (n - m).
Proof.
  unfold prob. induction n as [|n IH]; intros m F.
  - destruct m; unfold at_; simpl; ring.
  - simpl E. rewrite IH. destruct m as [|m].
    + rewrite (E_ext n (fun k => at_ 0 (S k)) (fun _ => 0)) by (intros; reflexivity). rewrite E_zero.
      rewrite Nat.sub_0_r. replace (binom n 0) with 1%nat by (destruct n; reflexivity). simpl. ring.
    + rewrite (E_ext n (fun k => at_ (S m) (S k)) (at_ m)) by (intros; reflexivity). rewrite IH.
      change (binom (S n) (S m)) with (binom n m + binom n (S m))%nat. rewrite plus_INR.
      change (S n - S m)%nat with (n - m)%nat.
      destruct (Nat.le_gt_cases (S m) n) as [H|H].
      * replace (n - m)%nat with (S (n - S m)) by lia. simpl. ring.
      * rewrite (binom_zero n (S m)) by lia. simpl. ring.
Qed.

Lemma hit_step m n F : hit (S m) n F = hit m n F + prob m n F.
Proof.
  unfold hit, prob. rewrite <- E_plus. apply E_ext. intros k. unfold below, at_.
  destruct (Nat.ltb_spec k (S m)), (Nat.ltb_spec k m), (Nat.eqb_spec k m); try lia; ring.
Qed.

(* One more draw: it spoils a hit with probability F if exactly M - 1 were above. *)
Lemma hit_draw m n F : hit (S m) (S n) F = hit (S m) n F - F * prob m n F.
Proof.
  replace (hit (S m) (S n) F) with ((1 - F) * hit (S m) n F + F * hit m n F).
  - rewrite hit_step. ring.
  - unfold hit. simpl. do 2 f_equal.
Qed.

Lemma pow_nonneg x k : 0 <= x -> 0 <= x ^ k.
Proof. apply pow_le. Qed.

Lemma pow_step_split x k m : (k <= m)%nat -> x ^ m = x ^ k * x ^ (m - k).
Proof. intros H. rewrite <- pow_add. f_equal. lia. Qed.

(* P(B = k) / P(B = m), k <= m, falls as F grows. *)
Lemma prob_ratio k m n F G : (k <= m)%nat -> 0 <= F <= G -> G <= 1 ->
  prob k n G * prob m n F <= prob k n F * prob m n G.
Proof.
  intros Hkm HF HG. rewrite !prob_closed. destruct (Nat.le_gt_cases m n) as [Hm|Hm].
  2: { rewrite (binom_zero n m) by lia. simpl. lra. }
  rewrite (pow_step_split F k m), (pow_step_split G k m) by exact Hkm.
  rewrite (pow_step_split (1 - F) (n - m) (n - k)), (pow_step_split (1 - G) (n - m) (n - k)) by lia.
  replace (n - k - (n - m))%nat with (m - k)%nat by lia. set (d := (m - k)%nat).
  set (c := INR (binom n k) * INR (binom n m) * (G ^ k * F ^ k * ((1 - F) ^ (n - m) * (1 - G) ^ (n - m)))).
  assert (Hc : 0 <= c).
  { unfold c. repeat apply Rmult_le_pos; try apply pos_INR; apply pow_nonneg; lra. }
  assert (H : (F * (1 - G)) ^ d <= (G * (1 - F)) ^ d).
  { apply pow_incr. split; [apply Rmult_le_pos; lra|]. lra. }
  apply (Rmult_le_compat_l c) in H; [|exact Hc]. rewrite !Rpow_mult_distr in H. unfold c in H. lra.
Qed.

(* P(B < M) / P(B = m), M <= m + 1, falls as F grows. *)
Lemma hit_over_prob M m n F G : (M <= S m)%nat -> 0 <= F <= G -> G <= 1 ->
  hit M n G * prob m n F <= hit M n F * prob m n G.
Proof.
  intros HM HF HG. induction M as [|M IH].
  - unfold hit. rewrite !(E_ext n (below 0) (fun _ => 0)) by (intros k; reflexivity). rewrite !E_zero. lra.
  - rewrite !hit_step, !Rmult_plus_distr_r. apply Rplus_le_compat; [apply IH; lia|apply prob_ratio; try assumption; lia].
Qed.

Theorem density_ratio_falls_in_M M n F G : 0 <= F <= G -> G <= 1 ->
  hit M n G * hit (S M) n F <= hit M n F * hit (S M) n G.
Proof.
  intros HF HG. rewrite !hit_step, !Rmult_plus_distr_l.
  pose proof (hit_over_prob M M n F G ltac:(lia) HF HG). lra.
Qed.

Lemma prob_nonneg m n F : 0 <= F <= 1 -> 0 <= prob m n F.
Proof.
  intros HF. rewrite prob_closed. repeat apply Rmult_le_pos; try apply pos_INR; apply pow_nonneg; lra.
Qed.

Lemma hit_nonneg M n F : 0 <= F <= 1 -> 0 <= hit M n F.
Proof.
  intros HF. induction M as [|M IH]; [|rewrite hit_step; pose proof (prob_nonneg M n F HF); lra].
  unfold hit. rewrite (E_ext n (below 0) (fun _ => 0)) by (intros k; reflexivity). rewrite E_zero. lra.
Qed.

Theorem density_ratio_falls_in_N M n F G : 0 <= F <= G -> G <= 1 ->
  hit M (S n) G * hit M n F <= hit M (S n) F * hit M n G.
Proof.
  intros HF HG. destruct M as [|M].
  - unfold hit. rewrite !(E_ext _ (below 0) (fun _ => 0)) by (intros k; reflexivity). rewrite !E_zero. lra.
  - rewrite !hit_draw, !Rmult_minus_distr_r.
    pose proof (hit_over_prob (S M) M n F G ltac:(lia) HF HG) as H.
    assert (0 <= hit (S M) n F * prob M n G).
    { apply Rmult_le_pos; [apply hit_nonneg|apply prob_nonneg]; lra. }
    assert (0 <= hit (S M) n G * prob M n F).
    { apply Rmult_le_pos; [apply hit_nonneg|apply prob_nonneg]; lra. }
    assert (F * prob M n F * hit (S M) n G <= G * prob M n G * hit (S M) n F); [|lra].
    replace (F * prob M n F * hit (S M) n G) with (F * (hit (S M) n G * prob M n F)) by ring.
    replace (G * prob M n G * hit (S M) n F) with (G * (hit (S M) n F * prob M n G)) by ring.
    apply Rmult_le_compat; lra.
Qed.

Lemma hit_pos M n F : (0 < M)%nat -> 0 <= F < 1 -> 0 < hit M n F.
Proof.
  intros HM HF. destruct M as [|M]; [lia|]. clear HM. induction M as [|M IH].
  - rewrite hit_step. assert (0 < prob 0 n F); [|pose proof (hit_nonneg 0 n F ltac:(lra)); lra].
    rewrite prob_closed. replace (binom n 0) with 1%nat by (destruct n; reflexivity).
    simpl. rewrite !Rmult_1_l. apply pow_lt. lra.
  - rewrite hit_step. pose proof (prob_nonneg (S M) n F ltac:(lra)). lra.
Qed.

(* ---- 3. concave in each other's coordinates ---- *)

Section Concave.

(* h and s with derivatives dh, ds, ds > 0, and dh / ds falls. *)
Variables h s dh ds : R -> R.
Variables lo hi : R.
Hypothesis h_derivative : forall x, lo <= x <= hi -> derivable_pt_lim h x (dh x).
Hypothesis s_derivative : forall x, lo <= x <= hi -> derivable_pt_lim s x (ds x).
Hypothesis ds_pos : forall x, lo < x < hi -> 0 < ds x.
Hypothesis ratio_falls : forall x y, lo <= x <= y -> y <= hi -> dh y * ds x <= dh x * ds y.

(* Cauchy's mean value theorem *)
Lemma cauchy a b : lo <= a -> a < b -> b <= hi ->
  exists c, a < c < b /\ (h b - h a) * ds c = (s b - s a) * dh c.
Proof.
  intros Ha Hab Hb. set (f := fun x => (s b - s a) * h x - (h b - h a) * s x).
  destruct (MVT_cor2 f (fun x => (s b - s a) * dh x - (h b - h a) * ds x) a b Hab) as (c & Ec & Hc).
  - intros c Hc. unfold f.
    apply (derivable_pt_lim_minus (fun x => (s b - s a) * h x) (fun x => (h b - h a) * s x));
      apply derivable_pt_lim_scal; [apply h_derivative|apply s_derivative]; lra.
  - exists c. split; [exact Hc|].
    assert (f b - f a = 0) as Z by (unfold f; ring). rewrite Z in Ec. symmetry in Ec.
    apply Rmult_integral in Ec. destruct Ec as [Ec|Ec]; lra.
Qed.

Lemma s_increasing a b : lo <= a -> a <= b -> b <= hi -> s a <= s b.
Proof.
  intros Ha [Hab|<-] Hb; [|lra].
  destruct (MVT_cor2 s ds a b Hab) as (c & Ec & Hc); [intros c Hc; apply s_derivative; lra|].
  assert (0 < ds c * (b - a)) by (apply Rmult_lt_0_compat; [apply ds_pos|]; lra). lra.
Qed.

Theorem concave_in_the_other a x b : lo <= a -> a <= x -> x <= b -> b <= hi ->
  (s x - s a) * (h b - h a) <= (h x - h a) * (s b - s a).
Proof.
  intros Ha Hax Hxb Hb.
  assert ((s x - s a) * (h b - h x) <= (h x - h a) * (s b - s x)) as H; [|lra].
  destruct Hax as [Hax|<-]; [|lra]. destruct Hxb as [Hxb| ->]; [|lra].
  destruct (cauchy a x Ha Hax ltac:(lra)) as (u & Hu & Eu). destruct (cauchy x b ltac:(lra) Hxb Hb) as (v & Hv & Ev).
  assert (Pu : 0 < ds u) by (apply ds_pos; lra). assert (Pv : 0 < ds v) by (apply ds_pos; lra).
  pose proof (ratio_falls u v ltac:(lra) ltac:(lra)) as Hr.
  pose proof (s_increasing a x Ha ltac:(lra) ltac:(lra)) as S1. pose proof (s_increasing x b ltac:(lra) ltac:(lra) Hb) as S2.
  apply (Rmult_le_reg_r (ds u * ds v)); [now apply Rmult_lt_0_compat|].
  replace ((s x - s a) * (h b - h x) * (ds u * ds v)) with ((s x - s a) * ds u * ((h b - h x) * ds v)) by ring.
  replace ((h x - h a) * (s b - s x) * (ds u * ds v)) with ((h x - h a) * ds u * ((s b - s x) * ds v)) by ring.
  rewrite Ev, Eu.
  replace ((s x - s a) * ds u * ((s b - s x) * dh v)) with ((s x - s a) * (s b - s x) * (dh v * ds u)) by ring.
  replace ((s x - s a) * dh u * ((s b - s x) * ds v)) with ((s x - s a) * (s b - s x) * (dh u * ds v)) by ring.
  apply Rmult_le_compat_l; [apply Rmult_le_pos; lra|exact Hr].
Qed.

(* A point under the chord from a to b in the coordinates (s, T) is under it in (h, T). *)
Theorem ties_are_kept a x b Ta Tx Tb : lo <= a -> a <= x -> x <= b -> b <= hi -> s a < s b -> Ta <= Tb ->
  (Tx - Ta) * (s b - s a) <= (s x - s a) * (Tb - Ta) -> (Tx - Ta) * (h b - h a) <= (h x - h a) * (Tb - Ta) \/ h b < h a.
Proof.
  intros Ha Hax Hxb Hb Hs HT H. destruct (Rlt_le_dec (h b) (h a)) as [|Hh]; [now right|left].
  pose proof (concave_in_the_other a x b Ha Hax Hxb Hb) as C.
  apply (Rmult_le_reg_r (s b - s a)); [lra|].
  apply Rle_trans with ((s x - s a) * (Tb - Ta) * (h b - h a)).
  - replace ((Tx - Ta) * (h b - h a) * (s b - s a)) with ((Tx - Ta) * (s b - s a) * (h b - h a)) by ring.
    apply Rmult_le_compat_r; [lra|exact H].
  - replace ((s x - s a) * (Tb - Ta) * (h b - h a)) with ((s x - s a) * (h b - h a) * (Tb - Ta)) by ring.
    replace ((h x - h a) * (Tb - Ta) * (s b - s a)) with ((h x - h a) * (s b - s a) * (Tb - Ta)) by ring.
    apply Rmult_le_compat_r; [lra|exact C].
Qed.

End Concave.

Lemma density_pos M N F : (0 < M)%nat -> (0 < N)%nat -> 0 <= F < 1 -> 0 < density M N F.
Proof.
  intros HM HN HF. unfold density. apply Rmult_lt_0_compat; [|now apply hit_pos].
  apply Rdiv_lt_0_compat; now apply lt_0_INR.
Qed.

Lemma density_nonneg M N F : (0 < M)%nat -> 0 <= F <= 1 -> 0 <= density M N F.
Proof.
  intros HM HF. unfold density. apply Rmult_le_pos; [|now apply hit_nonneg].
  apply Rmult_le_pos; [apply pos_INR|left; apply Rinv_0_lt_compat; now apply lt_0_INR].
Qed.

Lemma scaled_ratio a b x y z w : 0 <= a -> 0 <= b -> x * y <= z * w -> a * x * (b * y) <= a * z * (b * w).
Proof.
  intros Ha Hb H. replace (a * x * (b * y)) with (a * b * (x * y)) by ring.
  replace (a * z * (b * w)) with (a * b * (z * w)) by ring. apply Rmult_le_compat_l; [now apply Rmult_le_pos|exact H].
Qed.

Lemma factor_nonneg M N : (0 < M)%nat -> 0 <= INR N / INR M.
Proof. intros HM. apply Rmult_le_pos; [apply pos_INR|left; apply Rinv_0_lt_compat; now apply lt_0_INR]. Qed.

(* Smaller M: W_M is a concave function of W_{M+1}, on any three points of [0, 1]. *)
Theorem smaller_M_is_concave M N a x b : (0 < M)%nat -> (0 < N)%nat -> 0 <= a -> a <= x -> x <= b -> b <= 1 ->
  (weight (S M) N x - weight (S M) N a) * (weight M N b - weight M N a) <=
  (weight M N x - weight M N a) * (weight (S M) N b - weight (S M) N a).
Proof.
  intros HM HN. apply (concave_in_the_other _ _ (density M N) (density (S M) N) 0 1).
  - intros. apply dns_density_is_sampled_hit; lia.
  - intros. apply dns_density_is_sampled_hit; lia.
  - intros. apply density_pos; try lia. lra.
  - intros u v Hu Hv. unfold density. apply scaled_ratio; try (apply factor_nonneg; lia).
    apply density_ratio_falls_in_M; lra.
Qed.

(* Larger N: the same for W_{M, N+1} and W_{M, N}. *)
Theorem larger_N_is_concave M N a x b : (0 < M)%nat -> (0 < N)%nat -> 0 <= a -> a <= x -> x <= b -> b <= 1 ->
  (weight M N x - weight M N a) * (weight M (S N) b - weight M (S N) a) <=
  (weight M (S N) x - weight M (S N) a) * (weight M N b - weight M N a).
Proof.
  intros HM HN. destruct N as [|N]; [lia|]. apply (concave_in_the_other _ _ (density M (S (S N))) (density M (S N)) 0 1).
  - intros. apply dns_density_is_sampled_hit; lia.
  - intros. apply dns_density_is_sampled_hit; lia.
  - intros. apply density_pos; try lia. lra.
  - intros u v Hu Hv. unfold density. simpl pred. apply scaled_ratio; try (apply factor_nonneg; lia).
    apply density_ratio_falls_in_N; lra.
Qed.
