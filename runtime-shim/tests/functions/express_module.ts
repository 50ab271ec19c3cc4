// @ts-nocheck -- Express brings no types
import express from "express";

const app = express();
app.get(
  "/",
  (_request: unknown, response: { send(text: string): void }) =>
    response.send("Hello module"),
);

export default app;
