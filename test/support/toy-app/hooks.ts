import { app } from "@azure/functions";

app.hook.preInvocation((context) => {
  context.hookData.began = context.invocationContext.functionName;
});

app.hook.postInvocation((context) => {
  context.invocationContext.log(`after ${context.hookData.began}: ${context.error ?? "no error"}`);
});

app.http("hooked", { methods: ["GET"], authLevel: "anonymous", handler: () => ({ body: "x" }) });
