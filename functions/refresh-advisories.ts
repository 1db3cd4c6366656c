import { app } from "@azure/functions";
import { hasFeeds, portsFor } from "../shared/app.ts";

if (hasFeeds) {
  app.timer("refresh-advisories", {
    schedule: "0 17 * * * *",
    handler: async (_timer, context) => {
      const { refreshAdvisories } = await import("../shared/run/refresh-advisories.ts");
      await refreshAdvisories(await portsFor(context));
    },
  });
}
