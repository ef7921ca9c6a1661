"""Which scopes open which Bitable endpoint (any one). Source: bitable-v1 pages (Feishu docs, 2025)."""

from dataclasses import replace

from sandbox.kernel import Route

ALL, READ_ALL = "bitable:app", "bitable:app:readonly"

# (method, end of the path without its parameters) -> the fine-grained scope.
_FINE: dict[tuple[str, str], str] = {
    ("POST", "/apps"): "base:app:create",
    ("POST", "/apps/copy"): "base:app:copy",
    ("GET", "/apps"): "base:app:read",
    ("PUT", "/apps"): "base:app:update",
    ("GET", "/tables"): "base:table:read",
    ("POST", "/tables"): "base:table:create",
    ("POST", "/tables/batch_create"): "base:table:create",
    ("PATCH", "/tables"): "base:table:update",
    ("DELETE", "/tables"): "base:table:delete",
    ("POST", "/tables/batch_delete"): "base:table:delete",
    ("GET", "/tables/fields"): "base:field:read",
    ("POST", "/tables/fields"): "base:field:create",
    ("PUT", "/tables/fields"): "base:field:update",
    ("DELETE", "/tables/fields"): "base:field:delete",
    ("GET", "/tables/views"): "base:view:read",
    ("POST", "/tables/views"): "base:view:write_only",
    ("PATCH", "/tables/views"): "base:view:write_only",
    ("DELETE", "/tables/views"): "base:view:write_only",
    ("GET", "/tables/forms"): "base:form:read",
    ("PATCH", "/tables/forms"): "base:form:update",
    ("GET", "/tables/forms/fields"): "base:form:read",
    ("PATCH", "/tables/forms/fields"): "base:form:update",
    ("GET", "/dashboards"): "base:dashboard:read",
    ("GET", "/workflows"): "base:workflow:read",
    ("POST", "/tables/records"): "base:record:create",
    ("POST", "/tables/records/batch_create"): "base:record:create",
    ("PUT", "/tables/records"): "base:record:update",
    ("POST", "/tables/records/batch_update"): "base:record:update",
    ("DELETE", "/tables/records"): "base:record:delete",
    ("POST", "/tables/records/batch_delete"): "base:record:delete",
    ("POST", "/tables/records/search"): "base:record:retrieve",
    ("POST", "/tables/records/batch_get"): "base:record:read",
    ("GET", "/tables/records"): "base:record:retrieve",
    ("GET", "/roles"): "base:role:read",
    ("POST", "/roles"): "base:role:create",
    ("PUT", "/roles"): "base:role:update",
    ("DELETE", "/roles"): "base:role:delete",
    ("GET", "/roles/members"): "base:collaborator:read",
    ("POST", "/roles/members"): "base:collaborator:create",
    ("POST", "/roles/members/batch_create"): "base:collaborator:create",
    ("POST", "/roles/members/batch_delete"): "base:collaborator:delete",
    ("DELETE", "/roles/members"): "base:collaborator:delete",
}
_READS = frozenset({"search", "batch_get"})


def with_scopes(route: Route) -> Route:
    """The route with its scopes; control routes have none."""
    if not route.pattern.startswith("/open-apis/b"):
        return route
    fixed = [part for part in route.pattern.split("/")[4:] if not part.startswith(":")]
    path = "/" + "/".join(fixed)
    if path.startswith("/apps/"):
        path = "/apps/copy" if path == "/apps/copy" else path.removeprefix("/apps")
    fine = _FINE[route.method, path]
    if route.pattern.startswith("/open-apis/base/v2"):
        return replace(route, scopes=(fine,))
    reading = route.method == "GET" or fixed[-1] in _READS
    return replace(route, scopes=(fine, ALL, READ_ALL) if reading else (fine, ALL))
