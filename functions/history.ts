import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("history", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/history",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveHistory } = await import("../shared/http/history.ts");
      return serveHistory(request, await portsForRequest(request, context));
    }),
});
