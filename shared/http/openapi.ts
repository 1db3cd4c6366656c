import { type Answer, jsonAnswer } from "./answer.ts";

/** The version of the HTTP contract, which changes only with the contract. */
const contractVersion = "1.0.0";

/** The OpenAPI 3.1 document of everything that the app answers over HTTP. */
export async function serveOpenApi(): Promise<Answer> {
  const { openApiDocument } = await import("../render/export/openapi.ts");
  return jsonAnswer(200, openApiDocument(contractVersion));
}
