import { app } from "@azure/functions";
import { authLevel } from "../shared/app.ts";
import { serveOpenApi } from "../shared/serve-openapi.ts";

app.http("openapi", {
  methods: ["GET"],
  authLevel,
  route: "openapi.json",
  handler: serveOpenApi,
});
