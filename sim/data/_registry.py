"""The known data sets: where each comes from, how a copy is recognised, and what is in it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

__all__ = ["REGISTRY", "Source", "find_source"]

_RAW = "https://raw.githubusercontent.com"
_AUTHORS = "swt-user/WWW_2023_code"
_AUTHORS_COMMIT = "dd00aad"
_IRB = "Tiny-Snow/IR-Benchmark-Dataset"
_IRB_COMMIT = "18bbbe892301c6013579ae70f3cab9d666878e23"
_FASTVAE_COMMIT = "164519267fbc8e095b7b9f98cb4b31f2f11fed0e"

_HARPER = "Harper and Konstan, The MovieLens datasets, ACM TiiS 5(4), 2015"
_CHO = "Cho, Myers and Leskovec, Friendship and mobility, KDD 2011"
_MCAULEY = "McAuley, Targett, Shi and van den Hengel, Image-based recommendations on styles and substitutes, SIGIR 2015"
_CHEN = "Chen et al., Learning recommenders for implicit feedback with importance resampling, WWW 2022"
_YANG = "the IR-Benchmark data sets of github.com/Tiny-Snow/IR-Benchmark-Dataset"
_SHI = "Shi et al., On the theories behind hard negative sampling for recommendation, WWW 2023"

_MOVIELENS_TERMS = "research use; no redistribution without permission (GroupLens)"
_RESEARCH_TERMS = "research use; no explicit licence"


@dataclass(frozen=True)
class Source:
    """One data set's entry.

    Attributes
    ----------
    name, title : str
        Registry name, and what it is in a line.
    kind : {"table", "mat", "split-zip"}
        The file's format: rows of user, item, rating, time; a sparse matrix; a zip of train.tsv and test.tsv.
    urls : tuple of str
        Tried in order; whatever comes must have the right hash.
    local_names : tuple of str
        Where a local copy is looked for inside ``HNS_DATA_DIR``.
    sha256, git_blob : str
        Exactly one is set. A git blob id is the SHA-1 of ``"blob <length>\\0"`` followed by the content.
    n_bytes : int
        Size of the file; 0 if unknown.
    users, items, pairs : int
        After the default filters; 0 if unknown.
    terms : str
        Terms of use, in short.
    cite : tuple of str
        Whom to cite.
    wheel, wheel_file, wheel_sha256, member : str
        For data that ships inside a Python wheel: ``name==version``, the wheel's file name and hash, the member to
        take out. ``sha256`` is then the member's.
    own_split : bool
        The set has a fixed train and test part.
    min_rating, k_core : float or int, optional
        The default filters.
    """

    name: str
    title: str
    kind: str
    urls: tuple[str, ...]
    local_names: tuple[str, ...]
    sha256: str = ""
    git_blob: str = ""
    n_bytes: int = 0
    users: int = 0
    items: int = 0
    pairs: int = 0
    terms: str = _RESEARCH_TERMS
    cite: tuple[str, ...] = ()
    wheel: str = ""
    wheel_file: str = ""
    wheel_sha256: str = ""
    member: str = ""
    own_split: bool = False
    min_rating: float | None = None
    k_core: int | None = None

    @property
    def digest(self) -> str:
        """The hash with its kind, e.g. ``sha256:8ebd...``."""
        return f"sha256:{self.sha256}" if self.sha256 else f"git-blob:{self.git_blob}"

    @property
    def origin(self) -> str:
        """In words for a reader: the first URL, or the wheel on the package index."""
        return f"{self.member} in {self.wheel_file} ({self.wheel} on the package index)" if self.wheel else self.urls[0]


def _authors(file: str) -> tuple[str, ...]:
    return tuple(f"{_RAW}/{_AUTHORS}/{commit}/datasets/{file}" for commit in (_AUTHORS_COMMIT, "HEAD"))


def _irb(
    name: str, folder: str, title: str, sha256: str, n_bytes: int, sizes: tuple[int, int, int], cite: str, terms: str
) -> Source:
    local = "irbench-temporal" if folder == "data_ood" else "irbench"
    inner = name.removeprefix("irb-")
    return Source(
        name=name,
        title=title,
        kind="split-zip",
        urls=(f"{_RAW}/{_IRB}/{_IRB_COMMIT}/{folder}/{inner}/proc.zip",),
        local_names=(f"{local}/{inner.removesuffix('-temporal')}/proc.zip", f"{folder}/{inner}/proc.zip"),
        sha256=sha256,
        n_bytes=n_bytes,
        users=sizes[0],
        items=sizes[1],
        pairs=sizes[2],
        terms=terms,
        cite=(cite, _YANG),
        own_split=True,
    )


_SOURCES = (
    Source(
        name="ml-100k",
        title="MovieLens 100K, ratings >= 4, 5-core: the small default, from the package index",
        kind="table",
        urls=(),
        local_names=("ml-100k.inter", "ml-100k/ml-100k.inter"),
        sha256="4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
        n_bytes=1_979_230,
        users=938,
        items=1008,
        pairs=54_413,
        terms=_MOVIELENS_TERMS,
        cite=(_HARPER,),
        wheel="recbole==1.2.1",
        wheel_file="recbole-1.2.1-py3-none-any.whl",
        wheel_sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        member="recbole/dataset_example/ml-100k/ml-100k.inter",
        min_rating=4.0,
        k_core=5,
    ),
    Source(
        name="gowalla",
        title="Gowalla check-ins, the paper's matrix",
        kind="mat",
        urls=_authors("gowalladata.mat"),
        local_names=("gowalladata.mat", "datasets/gowalladata.mat"),
        sha256="8ebdd1780706287eaf824e810633f9ed264d6eb5c32c2a13dbdd549f2695e79e",
        n_bytes=2_259_275,
        users=29_858,
        items=40_988,
        pairs=1_027_464,
        cite=(_CHO, _CHEN, _SHI),
    ),
    Source(
        name="yelp",
        title="Yelp reviews, the paper's matrix",
        kind="mat",
        urls=_authors("yelpdata.mat"),
        local_names=("yelpdata.mat", "datasets/yelpdata.mat"),
        git_blob="0e1cfad7ecf7cefa89cf8dd7dcec4699eb18ed1d",
        users=77_277,
        items=45_638,
        pairs=2_103_895,
        cite=(_CHEN, _SHI),
    ),
    Source(
        name="amazon-book",
        title="Amazon books, ratings >= 4, the paper's matrix",
        kind="mat",
        urls=_authors("amazonidata.mat"),
        local_names=("amazonidata.mat", "datasets/amazonidata.mat"),
        git_blob="016678517c56f0749844ff021ec4e9e5f823125b",
        users=130_380,
        items=128_939,
        pairs=2_415_650,
        cite=(_MCAULEY, _CHEN, _SHI),
    ),
    Source(
        name="ml-10m",
        title="MovieLens 10M as prepared by FastVAE; about the size of the paper's Yelp",
        kind="mat",
        urls=(f"{_RAW}/HERECJ/fastvae/{_FASTVAE_COMMIT}/datasets/ml10Mdata.mat",),
        local_names=("ml10Mdata.mat", "datasets/ml10Mdata.mat"),
        sha256="9506ea53179163e444244acccf8ce1903fd1b7542f4d257eeb7ac3a0ad9e324b",
        n_bytes=3_988_805,
        users=60_655,
        items=8_641,
        pairs=2_105_971,
        terms=_MOVIELENS_TERMS,
        cite=(_HARPER,),
    ),
    _irb(
        "irb-gowalla", "data_iid", "Gowalla, 10-core: the matrix of 'gowalla' with a fixed 80/20 split",
        "6412ab68a7484a2edf762f715b2397a977b40cfedad7efefd1c493608ffc1bdf",
        3_922_436, (29_858, 40_988, 1_027_464), _CHO, _RESEARCH_TERMS,
    ),
    _irb(
        "irb-amazon2014-movie", "data_iid", "Amazon 2014 movies and TV, 10-core, fixed 80/20 split",
        "88a89fd837f441744dd089358ff4f289c1122928c42b94414670d25e6ec369c4",
        2_977_160, (26_968, 18_563, 762_957), _MCAULEY, _RESEARCH_TERMS,
    ),
    _irb(
        "irb-amazon2014-health", "data_iid", "Amazon 2014 health, 10-core, fixed 80/20 split; small",
        "56f9e4b317903b99669b7f8b9ac527a71d30f59e736138a1ae9b8aca4c7e1779",
        165_679, (1_974, 1_200, 48_189), _MCAULEY, _RESEARCH_TERMS,
    ),
    _irb(
        "irb-douban-book", "data_iid", "Douban books, 10-core, fixed 80/20 split",
        "f51e39519a501e61cac9d6d339e1286a71a32a0d212016d8a64d95f28105b6c3",
        3_117_674, (18_662, 15_207, 938_173), _YANG, _RESEARCH_TERMS,
    ),
    _irb(
        "irb-movielens-1m", "data_iid", "MovieLens 1M, 10-core, fixed 80/20 split",
        "b0d2b0eb82076da282cd7c00d35caf1d5e0079468b78a5f434a1ef1ba55134c1",
        2_228_108, (6_033, 3_123, 834_449), _HARPER, _MOVIELENS_TERMS,
    ),
    _irb(
        "irb-amazon2014-movie-temporal", "data_ood", "Amazon 2014 movies and TV, test part later in time",
        "3f08f0040e88ac73f7a49fe04ebd1f57271b27eb82939b8f17f42b7d7a6a5f9a",
        1_988_133, (17_880, 16_732, 493_828), _MCAULEY, _RESEARCH_TERMS,
    ),
)  # fmt: skip

REGISTRY: dict[str, Source] = {source.name: source for source in _SOURCES}
"""All known data sets by name."""


def find_source(name: str) -> Source:
    """The entry of a name, or a ValueError that suggests near ones."""
    if name in REGISTRY:
        return REGISTRY[name]
    near = difflib.get_close_matches(str(name).lower().replace("_", "-"), REGISTRY, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known are {', '.join(REGISTRY)}"
    raise ValueError(f"name must be a known data set or an existing file, got {name!r}: {hint}")
