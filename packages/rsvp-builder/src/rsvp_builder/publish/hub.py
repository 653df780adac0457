"""Sending a data set to a dataset repository of the Hugging Face hub.

A push compares the repository with the folder by hash, sends what differs in commits of bounded size, and
starts over from the comparison when the connection or the hub fails. So an answer that got lost does no
harm, and a push that was killed goes on: committed files are not looked at again, and the hub's storage
keeps what was uploaded and not committed.

``huggingface_hub`` does the sending, through Xet or LFS as it sees fit. Its own ``upload_folder`` would
commit ``dataset.json`` along with the first files, so that half a push looks like a data set.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rsvp_builder.errors import RsvpError
from rsvp_builder.publish.contents import OURS, File
from rsvp_builder.publish.hashes import Hashes
from rsvp_builder.publish.pushed import Pushed, Tell
from rsvp_builder.publish.target import HubTarget

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.hf_api import RepoFile


COMMIT_FILES = 100
"""Files after which a commit is made; the hub asks for few and large commits."""

COMMIT_BYTES = 8 * 2**30
"""Bytes after which a commit is made."""

UPLOAD_FILES = 8
"""Files uploaded before progress is told."""

TRIES = 5
"""How often the comparison starts over after a failure that may pass."""

WAIT_SECONDS = 2.0
"""Before the second try; twice as long before each further one."""

_MAY_PASS = (408, 409, 412, 429)
"""Refusals that are none: too slow, another writer, too many requests."""

_LAST = ("README.md", "croissant.json", "dataset.json")
_FOREIGN_IS_FINE = re.compile(r"\.gitattributes|\.gitignore|README\.md|LICEN[CS]E[^/]*")


class Hub:
    """One repository, as seen by whoever is logged in.

    Args:
        target: the repository and branch.

    Attributes:
        page: address of the repository's page.

    Raises:
        RsvpError: nobody is logged in.
    """

    def __init__(self, target: HubTarget) -> None:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.utils.logging import set_verbosity
        from huggingface_hub.utils.tqdm import disable_progress_bars

        if get_token() is None:
            raise RsvpError(
                f"hf://datasets/{target.repo}: not logged in to the hub: run `hf auth login`, or set "
                "HF_TOKEN to a token that may write"
            )
        # Its warnings show signed upload addresses, and its bars would run into ours.
        set_verbosity(logging.ERROR)
        disable_progress_bars()
        self._api = HfApi(library_name="rsvp-builder")
        self._target = target
        self._sent: dict[str, int] = {}
        self._removed: set[str] = set()
        self.page = f"{self._api.endpoint}/datasets/{target.repo}"

    def push(
        self, files: Sequence[File], hashes: Hashes, *, public: bool, tell: Tell | None = None
    ) -> Pushed:
        """Make the repository hold these files, the mark of completeness last.

        Args:
            files: in the order in which they are sent.
            hashes: memory of their hashes.
            public: whether a repository that is not there yet becomes a public one.
            tell: told of progress.

        Raises:
            RsvpError: the hub refused, or kept failing.
        """
        self._again(lambda: self._prepare(public=public))
        self._again(lambda: self._bring(files, hashes, tell))
        return Pushed(self.page, len(files), len(self._sent), sum(self._sent.values()), len(self._removed))

    def _prepare(self, *, public: bool) -> None:
        """Find or make the repository and its branch."""
        from huggingface_hub.errors import RepositoryNotFoundError

        repo, kind = self._target.repo, "dataset"
        private: bool | None = None
        with suppress(RepositoryNotFoundError):
            private = bool(self._api.repo_info(repo, repo_type=kind).private)
        if private is None:
            self._api.create_repo(repo, repo_type=kind, private=not public)
        elif private is public:
            is_now, asked = ("private", "--public") if private else ("public", "--private (the default)")
            raise RsvpError(
                f"{self.page}: is a {is_now} repository, and the push says {asked}; change it in the "
                f"repository's settings, or say --{is_now}"
            )
        if self._target.revision != "main" and not self._target.revision.startswith("refs/"):
            self._api.create_branch(repo, branch=self._target.revision, repo_type=kind, exist_ok=True)

    def _bring(self, files: Sequence[File], hashes: Hashes, tell: Tell | None) -> None:
        """Compare, and send what differs; may be called again at any point."""
        there = self._listing()
        self._refuse_foreign(there)
        wanted = {file.path for file in files}
        missing = [file for file in files if not _same(there.get(file.path), file, hashes)]
        stale = sorted(path for path in there if path not in wanted and OURS.fullmatch(path))
        total = sum(file.size for file in files)
        done = total - sum(file.size for file in missing)
        if not missing and not stale:
            if tell:
                tell(total, total, "")
            return
        for number, batch in enumerate(_batches([file for file in missing if file.path not in _LAST])):
            operations: list[Any] = []
            for part in _parts(batch):
                additions = [_addition(file, hashes) for file in part]
                if tell:
                    tell(done, total, part[0].path)
                self._upload(additions)
                operations += additions
                done += sum(file.size for file in part)
            if not number and "dataset.json" in there:
                operations.append(_deletion("dataset.json"))
            self._commit(operations, f"Add {len(batch)} files")
            self._sent |= {file.path: file.size for file in batch}
        last = [
            file for file in files if file.path in _LAST and (file in missing or file.path == "dataset.json")
        ]
        additions = [_addition(file, hashes) for file in last]
        self._commit([*additions, *(_deletion(path) for path in stale)], "Complete the data set")
        self._sent |= {file.path: file.size for file in last}
        self._removed |= set(stale)
        if tell:
            tell(total, total, "")

    def _listing(self) -> dict[str, RepoFile]:
        from huggingface_hub.hf_api import RepoFile

        entries = self._api.list_repo_tree(
            self._target.repo, recursive=True, revision=self._target.revision, repo_type="dataset"
        )
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}

    def _refuse_foreign(self, there: dict[str, RepoFile]) -> None:
        if any(re.fullmatch(r"settings/[^/]+\.json|dataset\.json", path) for path in there):
            return
        foreign = sorted(path for path in there if not _FOREIGN_IS_FINE.fullmatch(path))
        if foreign:
            raise RsvpError(
                f"{self.page}: holds something else already ({foreign[0]} and {len(foreign) - 1} more files) "
                "and no data set of rsvp-build; push into a new or an empty repository"
            )

    def _upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        self._api.preupload_lfs_files(
            self._target.repo,
            additions,
            repo_type="dataset",
            revision=self._target.revision,
            free_memory=False,
            gitignore_content="",
        )

    def _commit(self, operations: Sequence[Any], message: str) -> None:
        if operations:
            self._api.create_commit(
                self._target.repo,
                operations,
                commit_message=message,
                repo_type="dataset",
                revision=self._target.revision,
            )

    def _again(self, attempt: Callable[[], None]) -> None:
        """Try until it works, the hub refuses, or it has failed too often."""
        from httpx2 import HTTPError
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        for number in range(TRIES):
            if number:
                time.sleep(WAIT_SECONDS * 2 ** (number - 1))
            try:
                attempt()
            except OfflineModeIsEnabled as error:
                raise RsvpError(f"{self.page}: HF_HUB_OFFLINE is set; unset it to push") from error
            except ValueError as error:  # a card that the hub does not take, an answer that is none
                raise RsvpError(f"{self.page}: {_words(error)}") from None
            except (HTTPError, OSError, RuntimeError) as error:
                answer = next((e for e in _causes(error) if isinstance(e, HfHubHTTPError)), None)
                status = answer.response.status_code if answer is not None else 500
                if status < 500 and status not in _MAY_PASS:
                    raise RsvpError(self._refusal(status, answer)) from None
                failure = _words(answer or error)
            else:
                return
        raise RsvpError(
            f"{self.page}: kept failing ({failure}); what arrived stays, and the same command goes on"
        )

    def _refusal(self, status: int, error: Any) -> str:
        advice = {
            401: "the token is not valid: run `hf auth login`, or set HF_TOKEN to one that may write",
            403: f"the token may not write to {self._target.repo}: use one with write access",
            404: f"there is no such owner or branch, or the token may not see it: {self._target.repo}",
            413: "a file is larger than the hub takes",
        }.get(status, "the hub does not take it")
        return f"{self.page}: {advice} (HTTP {status}: {_words(error)})"


def _same(entry: RepoFile | None, file: File, hashes: Hashes) -> bool:
    if entry is None or entry.size != file.size:
        return False
    if entry.lfs is not None:
        return entry.lfs.sha256 == file.sha256(hashes)
    content = file.file.read_bytes() if file.content is None else file.content
    blob = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    blob.update(content)
    return entry.blob_id == blob.hexdigest()


def _addition(file: File, hashes: Hashes) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    made = CommitOperationAdd(file.path, str(file.file) if file.content is None else file.content)
    made.upload_info.sha256 = bytes.fromhex(file.sha256(hashes))
    return made


def _deletion(path: str) -> Any:
    from huggingface_hub import CommitOperationDelete

    return CommitOperationDelete(path)


def _batches(files: Sequence[File]) -> Iterator[list[File]]:
    batch: list[File] = []
    size = 0
    for file in files:
        if batch and (len(batch) >= COMMIT_FILES or size + file.size > COMMIT_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _parts(batch: Sequence[File]) -> Iterator[Sequence[File]]:
    yield from (batch[first : first + UPLOAD_FILES] for first in range(0, len(batch), UPLOAD_FILES))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _words(error: Any) -> str:
    """What an error says, without the signed part of any address."""
    text = getattr(error, "server_message", None) or str(error) or type(error).__name__
    return re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]+", r"\1", " ".join(text.split()))[:500]
