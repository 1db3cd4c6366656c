import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { portsFor } from "../shared/app.ts";
import { routeHealth } from "../shared/check-health.ts";

app.http("health", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "health",
  handler: ({ query, headers }, context) =>
    answering(() => routeHealth({ query, header: (name) => headers.get(name) }, portsFor(context))),
});
