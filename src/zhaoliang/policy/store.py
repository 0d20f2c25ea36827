"""All policy texts on disk, and the set of them that binds one place, scheme and day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from zhaoliang.policy.decision import Decision
from zhaoliang.policy.errors import PolicyError, PolicyVersionGone, UnknownCitation, raise_problems
from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.files import NATION, Source, library_sources, path_sources
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.library import read_library, region_chain, settled
from zhaoliang.policy.model import Citation, Document, cited
from zhaoliang.policy.policyset import PolicySet
from zhaoliang.policy.scenarios import ScenarioRun, run_scenarios

__all__ = ["PolicySet", "PolicyStore", "region_chain"]

# The platform's fact schema: that of the place one works in, else the one that came with the program.
SCHEMAS = (Path("policies/facts.yaml"), Path(__file__).parents[3] / "policies" / "facts.yaml")


LAST_CODE = 1_000_000


@dataclass(frozen=True)
class PolicyStore:
    """Every document with every version. Load it once; it never changes afterwards.

    `before`: a library of which this one is a changed copy; what its scenarios got is taken over where nothing they
    read has changed. `files` are a library's files by their path below `root` as they were read, so that what is kept of
    a decision is what made it, whatever happens to the disk meanwhile.
    """

    root: Path
    facts: FactSchema
    documents: tuple[Document, ...]
    schemas: Mapping[int, FactSchema] = field(default_factory=dict)
    before: PolicyStore | None = field(default=None, repr=False, compare=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(
        cls,
        root: Path,
        overlay: Mapping[str, bytes] | None = None,
        *,
        before: PolicyStore | None = None,
        accepted: Collection[str] | None = (),
    ) -> PolicyStore:
        """All documents below `root`. Raises PolicyFileError (PolicyProblems) for those that do not hold.

        `overlay`: files by their path relative to `root` (documents and the tables beside them) that stand for the ones
        on disk or add to them, so that a draft can be tried before it is enacted. `accepted`: the paths of the texts that
        bind already (None: all): they are read as their time read them, and one that cannot be read any more stops
        nothing: what it decided goes to a person (`unread`).
        """
        if not (root / "facts.yaml").is_file():
            raise PolicyError(f"{root} 里没有 facts.yaml：--root 是整个政策库的目录；别处的文件直接写在命令后面")
        sources = tuple(library_sources(root, overlay, accepted))
        files = {name: (root / name).read_bytes() for name in ("facts.yaml", "schema.json") if (root / name).is_file()}
        for source in sources:
            folder = source.key.rpartition("/")[0]
            files |= {source.key: source.content} | {f"{folder}/{name}": held for name, held in source.beside.items()}
        return cls._of(root, root / "facts.yaml", sources, before, files)

    @classmethod
    def load_paths(cls, paths: Sequence[Path], facts: Path | None = None) -> PolicyStore:
        """The documents in these files and folders, wherever they stand, and no others.

        `facts` is the fact schema, by default the platform's; a document may declare facts of its own.
        """
        schema = facts or next((one for one in SCHEMAS if one.is_file()), SCHEMAS[0])
        if not schema.is_file():
            raise PolicyError(f"没有事实表 {schema}；请在平台的目录里运行，或给出 facts.yaml 所在的位置")
        return cls._of(schema.parent, schema, path_sources(paths))

    @classmethod
    def _of(
        cls,
        root: Path,
        facts: Path,
        sources: Iterable[Source],
        before: PolicyStore | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> PolicyStore:
        sources = tuple(sources)
        # Beside texts that all bind already stands the fact schema of their time.
        schema = FactSchema.load(facts, accepted=bool(sources) and all(source.accepted for source in sources))
        library = read_library(schema, facts.with_name("schema.json"), sources)
        store = cls(root, library.facts, library.documents, library.schemas, before, files or {})
        binding = frozenset(source.shown for source in sources if source.accepted)
        documents, problems = settled(store, library.left_out, binding)
        raise_problems([*library.problems, *problems])
        return store if documents is store.documents else replace(store, documents=documents)

    @cached_property
    def unread(self) -> tuple[Document, ...]:
        """The texts that bind and cannot be read whole: whatever they have to say goes to a person."""
        return tuple(document for document in self.documents if document.doubts)

    @cached_property
    def cited_clauses(self) -> Mapping[tuple[str, date], frozenset[str]]:
        """The clauses that each version of a text cites, by its id and first day: the sets of many days ask."""
        return {(one.id, one.start): frozenset(cite for _, cite in one.cites()) for one in self.documents}

    def facts_for(self, region_code: int) -> FactSchema:
        """The facts a text of that place may use: the platform's, and those its own and higher texts declare."""
        held = [self.schemas[region] for region in region_chain(region_code) if region in self.schemas]
        return held[-1] if held else self.facts

    def for_place(self, region_code: int, scheme: str, on: date) -> PolicySet:
        """The texts in force on `on` for that place, nation first, each in its latest version by then.

        Raises PolicyError for a code that has not six digits and for an unknown scheme.
        """
        if not NATION <= region_code < LAST_CODE:
            raise PolicyError(f"区划代码是六位数字，如 370900；写的是 {region_code}")
        if scheme not in self.facts_for(region_code).schemes:
            known = nearest(scheme, self.facts_for(region_code).schemes)
            raise PolicyError(f"没有 {scheme!r} 这种补贴{known}")
        chain = region_chain(region_code)
        latest: dict[str, Document] = {}
        for document in self.documents:
            held = latest.get(document.id)
            if document.region in chain and document.start <= on and (held is None or held.start < document.start):
                latest[document.id] = document
        # A text repealed by one that is itself in force no longer binds, even before its own printed end.
        binding = [document for document in latest.values() if document.in_force(on)]
        repealed = {gone for document in binding for gone in document.repeals}
        chosen = [document for document in binding if document.id not in repealed]
        chosen.sort(key=lambda document: (chain.index(document.region), document.start, document.id))
        return PolicySet(self, region_code, scheme, on, tuple(chosen))

    @cached_property
    def runs(self) -> tuple[ScenarioRun, ...]:
        """Every scenario of every document with what it got, in file order. Raises FactError as `run_scenarios` does."""
        return tuple(run_scenarios(self, self.before))

    def citation(self, key: str) -> Citation:
        """The clause `document#clause` as people cite it; raises UnknownCitation."""
        found = self.citations.get(key)
        if found is None:
            raise UnknownCitation(f"no loaded document has the clause {key!r}")
        return found

    @cached_property
    def citations(self) -> dict[str, Citation]:
        """Every clause; a later version of a document stands for an earlier one."""
        return {
            f"{document.id}#{clause.id}": cited(document, clause)
            for document in sorted(self.documents, key=lambda document: document.start)
            for clause in document.clauses.values()
        }

    @cached_property
    def _binding_ids(self) -> frozenset[str]:
        return frozenset(document.id for document in self.documents if document.authority == "binding")

    def binding(self, key: str) -> bool:
        """Whether the cited clause was read in a text that binds: only then may a rule refuse by it."""
        return self.citation(key).verified and key.partition("#")[0] in self._binding_ids

    def replay(self, decision: Decision) -> Decision:
        """The decision made again from its stored facts. Raises PolicyVersionGone when the texts differ."""
        place, _, rest = decision.policy_version.partition("/")
        scheme = rest.partition("@")[0]
        policies = self.for_place(int(place), scheme, decision.on)
        if policies.version != decision.policy_version:
            raise PolicyVersionGone(f"stored {decision.policy_version}, on disk {policies.version}")
        return policies.decide(decision.facts, phase=decision.phase)

    def cites(self) -> Iterator[tuple[Document, str, str]]:
        """Every citation made: document, the part that cites, `document#clause`."""
        return ((document, part, cite) for document in self.documents for part, cite in document.cites())
