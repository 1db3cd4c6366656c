import { app } from "@azure/functions";
import { answering } from "../shared/answer.ts";
import { authLevel, portsFor } from "../shared/app.ts";

app.http("history", {
  methods: ["GET"],
  authLevel,
  route: "history",
  handler: ({ query, headers }, context) =>
    answering(async () => {
      const { serveHistory } = await import("../shared/serve-history.ts");
      return serveHistory({ query, header: (name) => headers.get(name) }, await portsFor(context));
    }),
});
