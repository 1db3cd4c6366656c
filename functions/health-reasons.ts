import { app } from "@azure/functions";
import { authLevel, portsFor } from "../shared/app.ts";
import { answering } from "../shared/http/answer.ts";

app.http("health-reasons", {
  methods: ["GET"],
  authLevel,
  route: "health/reasons",
  handler: (_request, context) =>
    answering(async () => {
      const { serveHealth } = await import("../shared/http/health.ts");
      return serveHealth(await portsFor(context), true);
    }),
});
