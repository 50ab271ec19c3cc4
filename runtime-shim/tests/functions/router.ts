import { router } from "doze";

const app = router();
app.get(
  "/items/:id",
  (_request, context, { id }) => ({ id, request: context.requestId }),
);

export default app;
