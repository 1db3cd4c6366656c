import { app } from "@azure/functions";
import { authLevel } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("openapi", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/openapi.json",
  handler: (request) =>
    respond(request, async () => {
      const { serveOpenApi } = await import("../shared/http/openapi.ts");
      return serveOpenApi(request);
    }),
});
