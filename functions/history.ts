import { app } from "@azure/functions";
import { authLevel, portsFor } from "../shared/app.ts";
import { answering } from "../shared/http/answer.ts";

app.http("history", {
  methods: ["GET"],
  authLevel,
  route: "history",
  handler: ({ query, headers }, context) =>
    answering(async () => {
      const { serveHistory } = await import("../shared/http/history.ts");
      return serveHistory({ query, header: (name) => headers.get(name) }, await portsFor(context));
    }),
});
