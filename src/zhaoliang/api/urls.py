"""The partner API (OpenAPI at /api/v1/openapi.json)."""

from ninja import NinjaAPI

api = NinjaAPI(title="照亮开放接口", version="1", urls_namespace="api")
