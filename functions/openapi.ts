import { app } from "@azure/functions";
import { authLevel } from "../shared/app.ts";

app.http("openapi", {
  methods: ["GET"],
  authLevel,
  route: "openapi.json",
  handler: async () => {
    const { serveOpenApi } = await import("../shared/http/openapi.ts");
    return serveOpenApi();
  },
});
