import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { portsFor } from "../shared/app.ts";

app.http("health", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "health",
  handler: ({ query, headers }, context) =>
    answering(async () => {
      const { routeHealth } = await import("../shared/check-health.ts");
      return routeHealth({ query, header: (name) => headers.get(name) }, await portsFor(context));
    }),
});
