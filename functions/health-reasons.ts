import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";
import { serveHealth } from "../shared/check-health.ts";

app.http("health-reasons", {
  methods: ["GET"],
  authLevel,
  route: "health/reasons",
  handler: (_request, context) => answering(() => serveHealth(portsFor(context), true)),
});
