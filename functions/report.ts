import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("report", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "api/report",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveReport } = await import("../shared/http/report.ts");
      return serveReport(request, await portsForRequest(request, context));
    }),
});
