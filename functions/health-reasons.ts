import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";

app.http("health-reasons", {
  methods: ["GET"],
  authLevel,
  route: "health/reasons",
  handler: (_request, context) =>
    answering(async () => {
      const { serveHealth } = await import("../shared/check-health.ts");
      return serveHealth(await portsFor(context), true);
    }),
});
