import { addDays, format } from "date-fns";
import { Hono } from "hono";
import _ from "lodash-es";
import * as z from "zod";

const Booking = z.object({ guest: z.string(), nights: z.int().positive() });
const app = new Hono();

app.get("/", (context) => {
  const booking = Booking.parse({ guest: "ada lovelace", nights: 3 });
  const leaves = addDays(new Date(2026, 0, 30), booking.nights);
  return context.text(
    `${_.startCase(booking.guest)} leaves on ${format(leaves, "d MMMM")}`,
  );
});

export default app;
