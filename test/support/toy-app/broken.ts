import "@azure/functions";

if (!process.env.TOY_SETTING) throw new Error("TOY_SETTING is missing: set it to any text.");
