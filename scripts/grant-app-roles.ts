// Grants the app's identity its roles in Defender, as the person signed in with the Azure CLI or azd.
import { parseArgs } from "node:util";
import { grantAppRoles, graphHosts, MayNotGrantError } from "./app-roles.ts";
import { tokenFor } from "./person.ts";

const { values } = parseArgs({
  options: {
    principal: { type: "string", default: process.env.REPORTER_IDENTITY_PRINCIPAL_ID ?? "" },
    cloud: { type: "string", default: process.env.DEFENDER_CLOUD ?? "public" },
    role: { type: "string", multiple: true, default: ["Software.Read.All"] },
  },
});

try {
  const graph = graphHosts[values.cloud];
  if (!graph) throw new Error(`--cloud must be one of ${Object.keys(graphHosts).join(", ")}.`);
  if (!values.principal) throw new Error("--principal is missing. It is the object id of the app's managed identity.");
  const token = await tokenFor(graph);
  await grantAppRoles({ graph, token, principalId: values.principal, roles: values.role, log: console.log });
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof MayNotGrantError) for (const command of error.commands) console.error(`\n  ${command}`);
  process.exitCode = 1;
}
