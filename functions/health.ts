import { app } from "@azure/functions";
import { portsFor } from "../shared/app.ts";
import { answering } from "../shared/http/answer.ts";

app.http("health", {
  methods: ["GET"],
  authLevel: "anonymous",
  route: "health",
  handler: ({ query, headers }, context) =>
    answering(async () => {
      const { routeHealth } = await import("../shared/http/health.ts");
      return routeHealth({ query, header: (name) => headers.get(name) }, await portsFor(context));
    }),
});
