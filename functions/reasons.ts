import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("reasons", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/reasons",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveReasons } = await import("../shared/http/health.ts");
      return serveReasons(request, await portsForRequest(request, context));
    }),
});
