import { app } from "@azure/functions";
import { authLevel, portsForRequest } from "../shared/app.ts";
import { respond } from "../shared/http/respond.ts";

app.http("home", {
  methods: ["GET", "HEAD"],
  authLevel,
  route: "/",
  handler: (request, context) =>
    respond(request, async () => {
      const { serveHome } = await import("../shared/http/overview.ts");
      return serveHome(request, await portsForRequest(request, context));
    }),
});
