import { app } from "@azure/functions";
import { authLevel, portsFor } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("history", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/history",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveHistory } = await import("../shared/http/history.ts");
      return serveHistory(request, await portsFor(context));
    }),
});
