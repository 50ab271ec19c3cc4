const express = require("express");

const app = express();
app.use(express.json());
app.get("/", (_req, res) => res.send("Hello Express"));
app.get(
  "/items/:id",
  (req, res) => res.status(201).json({ id: req.params.id, q: req.query.q }),
);
app.post("/echo", (req, res) => res.json(req.body));
app.get("/boom", () => {
  throw new Error("handled by Express");
});

module.exports = app;
