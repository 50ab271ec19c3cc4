// Calls another server. A function reaches no network unless registry.json
// names the host; any other host is refused, whatever the code asks for.
// `signal` stops the call when the caller leaves or the time is up.
import { createHandler } from "doze";

const SERVICE = "https://api.open-meteo.com/v1/forecast";

export default createHandler(async (request, { signal }) => {
  const query = new URL(request.url).searchParams;
  const latitude = query.get("latitude") ?? "52.52";
  const longitude = query.get("longitude") ?? "13.41";
  const forecast = new URL(SERVICE);
  forecast.search = new URLSearchParams({
    latitude,
    longitude,
    current: "temperature_2m,wind_speed_10m",
  }).toString();

  try {
    const response = await fetch(forecast, { signal });
    const { current, reason } = await response.json();
    if (!response.ok) return problem(400, reason);
    return {
      latitude,
      longitude,
      celsius: current.temperature_2m,
      windKmh: current.wind_speed_10m,
    };
  } catch (error) {
    console.error("the weather service did not answer:", error);
    return problem(502, "the weather service did not answer");
  }
});

function problem(status: number, message: string): Response {
  return Response.json({ error: message }, { status });
}
