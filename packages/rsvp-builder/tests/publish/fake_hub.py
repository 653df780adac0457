"""A dataset hub on loopback, as far as ``huggingface_hub`` and ``datasets`` speak to one; run as a program.

Written from what the client sends and from the public LFS batch API. Repositories live in memory; large
files are content-addressed, and forgotten when the process ends. Storage for large files needs no token, as
signed addresses do not, and its addresses carry a signature so that tests can look for it in what is printed.

``/_log`` tells every request; ``/_fail`` takes faults: ``{"match": "PUT /lfs", "times": 1, "do": ...}`` with
``do`` a status, ``drop`` (the connection breaks while the body comes in), ``lose`` (it breaks when all is
done, before the answer), or ``hang``.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
from dataclasses import dataclass, field

from aiohttp import web

TOKEN = "hf_good_token"
SIGNATURE = "X-Signature=do-not-print-me"
PAGE = 7  # entries of a page of the tree, so that clients have to follow links
LFS = (".parquet",)


@dataclass
class Branch:
    files: dict[str, tuple[str, bytes | str]] = field(
        default_factory=dict
    )  # path -> regular+bytes or lfs+oid
    commits: list[dict] = field(default_factory=list)

    @property
    def sha(self) -> str:
        return hashlib.sha1(json.dumps([c["summary"] for c in self.commits]).encode()).hexdigest()


@dataclass
class Repo:
    private: bool
    branches: dict[str, Branch] = field(default_factory=lambda: {"main": Branch()})


class Hub:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.log: list[str] = []
        self.faults: list[dict] = []

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.middle], client_max_size=2**30)
        repo = "/api/datasets/{owner}/{name}"
        app.add_routes(
            [
                web.get("/_log", self.tell_log),
                web.post("/_fail", self.set_faults),
                web.post("/_reset", self.reset),
                web.get("/_repo/{owner}/{name}", self.tell_repo),
                web.post("/_put/{owner}/{name}", self.put_file),
                web.get("/api/whoami-v2", self.whoami),
                web.post("/api/repos/create", self.create),
                web.post("/api/validate-yaml", self.validate_yaml),
                web.get(repo, self.info),
                web.get(repo + "/revision/{rev}", self.info),
                web.post(repo + "/branch/{rev}", self.branch),
                web.get(repo + "/refs", self.refs),
                web.post(repo + "/preupload/{rev}", self.preupload),
                web.post(repo + "/commit/{rev}", self.commit),
                web.get(repo + "/tree/{rev}", self.tree),
                web.get(repo + "/tree/{rev}/{path:.*}", self.tree),
                web.post(repo + "/paths-info/{rev}", self.paths_info),
                web.post("/datasets/{owner}/{name}.git/info/lfs/objects/batch", self.batch),
                web.put("/lfs/{oid}", self.upload),
                web.get("/datasets/{owner}/{name}/resolve/{rev}/{path:.*}", self.resolve),
            ]
        )
        return app

    @web.middleware
    async def middle(self, request, handler):
        if request.path.startswith("/_"):
            return await handler(request)
        line = f"{request.method} {request.path}"
        self.log.append(line)
        fault = next((f for f in self.faults if line.startswith(f["match"]) and f["times"] > 0), None)
        if fault and fault.get("after", 0) > 0:
            fault["after"] -= 1
            fault = None
        if fault:
            fault["times"] -= 1
            if fault["do"] == "hang":
                await asyncio.sleep(600)
            elif fault["do"] == "drop":
                await request.content.read(1000)
                request.transport.abort()
                return web.Response()
            elif fault["do"] == "lose":
                await handler(request)
                request.transport.abort()
                return web.Response()
            else:
                await request.read()
                return self.error(fault["do"], "as the test asked")
        if not request.path.startswith("/lfs/") and request.method != "HEAD":
            given = request.headers.get("Authorization", "")
            if given and given != f"Bearer {TOKEN}":
                return self.error(401, "Invalid credentials in Authorization header")
            if request.method != "GET" and not given:
                return self.error(401, "Sign in first")
        return await handler(request)

    @staticmethod
    def error(status, message, code=None):
        headers = {"X-Error-Message": message, "X-Request-Id": "1"} | ({"X-Error-Code": code} if code else {})
        return web.json_response({"error": message}, status=status, headers=headers)

    def find(self, request):
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        repo = self.repos.get(name)
        if repo is None or (repo.private and "Authorization" not in request.headers):
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound", "X-Error-Message": "not found"})
        rev = request.match_info.get("rev", "main")
        for branch_name, branch in repo.branches.items():
            if rev in (branch_name, branch.sha):
                return repo, branch
        raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound", "X-Error-Message": "no revision"})

    def bytes_of(self, branch, path):
        kind, content = branch.files[path]
        return content if kind == "regular" else self.blobs[content]

    def entry(self, branch, path):
        kind, content = branch.files[path]
        if kind == "regular":
            return {"type": "file", "path": path, "size": len(content), "oid": git_oid(content)}
        size = len(self.blobs[content])
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{content}\nsize {size}\n".encode()
        lfs = {"oid": content, "size": size, "pointerSize": len(pointer)}
        return {"type": "file", "path": path, "size": size, "oid": git_oid(pointer), "lfs": lfs}

    async def tell_log(self, request):
        return web.json_response(self.log)

    async def reset(self, request):
        self.clear()
        return web.json_response({})

    async def set_faults(self, request):
        self.faults = await request.json()
        return web.json_response({})

    async def tell_repo(self, request):
        repo = self.repos[f"{request.match_info['owner']}/{request.match_info['name']}"]
        branches = {
            name: {
                "files": {p: base64.b64encode(self.bytes_of(b, p)).decode() for p in b.files},
                "commits": b.commits,
            }
            for name, b in repo.branches.items()
        }
        return web.json_response({"private": repo.private, "branches": branches})

    async def put_file(self, request):
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        told = await request.json()
        repo = self.repos.setdefault(name, Repo(told.get("private", True)))
        for path, text in told["files"].items():
            repo.branches["main"].files[path] = ("regular", text.encode())
        return web.json_response({})

    async def whoami(self, request):
        return web.json_response({"type": "user", "name": "me", "orgs": []})

    async def create(self, request):
        told = await request.json()
        name = f"{told.get('organization') or 'me'}/{told['name']}"
        if told.get("organization") == "forbidden":
            return self.error(403, "You don't have the rights to create a dataset under this namespace")
        if name in self.repos:
            return self.error(409, "You already created this dataset repo")
        if told["type"] != "dataset":
            return self.error(400, "not a dataset")
        self.repos[name] = Repo(told.get("visibility") == "private" or bool(told.get("private")))
        return web.json_response({"url": f"{request.scheme}://{request.host}/datasets/{name}", "name": name})

    async def validate_yaml(self, request):
        return web.json_response({"warnings": [], "errors": []})

    async def info(self, request):
        repo, branch = self.find(request)
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        siblings = [{"rfilename": path} for path in sorted(branch.files)]
        told = {
            "_id": "1",
            "id": name,
            "sha": branch.sha,
            "private": repo.private,
            "tags": [],
            "downloads": 0,
        }
        return web.json_response(told | {"siblings": siblings, "gated": False, "disabled": False})

    async def branch(self, request):
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        branches = self.repos[name].branches
        if request.match_info["rev"] in branches:
            return self.error(409, "Reference already exists")
        main = branches["main"]
        branches[request.match_info["rev"]] = Branch(dict(main.files), list(main.commits))
        return web.json_response({}, status=201)

    async def refs(self, request):
        repo, _ = self.find(request)
        branches = [
            {"name": n, "ref": f"refs/heads/{n}", "targetCommit": b.sha} for n, b in repo.branches.items()
        ]
        return web.json_response({"branches": branches, "converts": [], "tags": []})

    async def preupload(self, request):
        _, branch = self.find(request)
        files = []
        for of in (await request.json())["files"]:
            base64.b64decode(of["sample"])
            mode = "lfs" if of["path"].endswith(LFS) else "regular"
            there = self.entry(branch, of["path"]) if of["path"] in branch.files else None
            oid = there and (there["lfs"]["oid"] if "lfs" in there else there["oid"])
            files.append({"path": of["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return web.json_response({"files": files})

    async def batch(self, request):
        self.find(request)
        told = await request.json()
        assert told["operation"] == "upload" and told["hash_algo"] == "sha256"
        objects = []
        for of in told["objects"]:
            made = {"oid": of["oid"], "size": of["size"]}
            if of["oid"] not in self.blobs:
                href = f"{request.scheme}://{request.host}/lfs/{of['oid']}?{SIGNATURE}"
                made["actions"] = {"upload": {"href": href}}
            objects.append(made)
        return web.json_response({"transfer": "basic", "objects": objects})

    async def upload(self, request):
        body = await request.read()
        oid = request.match_info["oid"]
        if hashlib.sha256(body).hexdigest() != oid or SIGNATURE not in request.query_string:
            return self.error(400, "content and address differ")
        self.blobs[oid] = body
        return web.Response()

    async def commit(self, request):
        _, branch = self.find(request)
        lines = [json.loads(line) for line in (await request.text()).splitlines()]
        files, header = dict(branch.files), lines[0]["value"]
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = ("regular", base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                if len(self.blobs.get(value["oid"], b"")) != value["size"]:
                    return self.error(400, f"{value['path']} was not uploaded")
                files[value["path"]] = ("lfs", value["oid"])
            elif line["key"] == "deletedFile":
                if files.pop(value["path"], None) is None:
                    return self.error(404, "A file with this name doesn't exist", "EntryNotFound")
            else:
                return self.error(400, f"unknown operation {line['key']}")
        branch.files = files
        paths = [[line["key"], line["value"]["path"]] for line in lines[1:]]
        branch.commits.append({"summary": f"{header['summary']} #{len(branch.commits)}", "paths": paths})
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        told = {
            "success": True,
            "commitOid": branch.sha,
            "commitUrl": f"http://{request.host}/datasets/{name}/commit/{branch.sha}",
        }
        return web.json_response(told)

    async def tree(self, request):
        _, branch = self.find(request)
        under = request.match_info.get("path", "").strip("/")
        paths = sorted(path for path in branch.files if not under or path.startswith(under + "/"))
        entries = [self.entry(branch, path) for path in paths]
        if request.query.get("recursive", "").lower() != "true":
            skip = len(under) + 1 if under else 0
            entries = [e for e in entries if "/" not in e["path"][skip:]]
        folders = sorted(
            {"/".join(p.split("/")[:n]) for p in paths for n in range(1, p.count("/") + 1)} - {under}
        )
        if request.query.get("recursive", "").lower() != "true":
            skip = len(under) + 1 if under else 0
            folders = [
                f for f in folders if f.startswith(under) and "/" not in f[skip:] and len(f) > len(under)
            ]
        entries = [
            {"type": "directory", "path": f, "size": 0, "oid": git_oid(f.encode())} for f in folders
        ] + entries
        if under and not paths:
            return self.error(404, "no such folder", "EntryNotFound")
        start = int(request.query.get("cursor", 0))
        headers = {}
        if start + PAGE < len(entries):
            query = {**request.query, "cursor": str(start + PAGE)}
            headers["Link"] = f'<{request.url.with_query(query)}>; rel="next"'
        return web.json_response(entries[start : start + PAGE], headers=headers)

    async def paths_info(self, request):
        _, branch = self.find(request)
        told = await request.json() if request.content_type == "application/json" else await request.post()
        paths = told["paths"] if isinstance(told, dict) else told.getall("paths")
        found = []
        for path in paths:
            if path in branch.files:
                found.append(self.entry(branch, path))
            elif any(name.startswith(f"{path}/") for name in branch.files):
                found.append({"type": "directory", "path": path, "size": 0, "oid": git_oid(path.encode())})
        return web.json_response(found)

    async def resolve(self, request):
        _, branch = self.find(request)
        path = request.match_info["path"]
        if path not in branch.files:
            return self.error(404, "Entry not found", "EntryNotFound")
        data = self.bytes_of(branch, path)
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        headers = {"ETag": etag, "X-Repo-Commit": branch.sha, "Accept-Ranges": "bytes"}
        asked = request.http_range
        if asked.start is None:
            return web.Response(body=data, headers=headers)
        start, stop, _ = asked.indices(len(data))
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        return web.Response(status=206, body=data[start:stop], headers=headers)


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


async def main() -> None:
    runner = web.AppRunner(Hub().app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{site._server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    # It ends with its standard input, so no test run leaves it behind.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
