import { useSignal } from "@preact/signals";
import { LocationProvider } from "preact-iso";
import { useEffect } from "preact/hooks";
import { Failure } from "./api/failure.ts";
import { Frame } from "./Frame.tsx";
import { LoginPage } from "./pages/LoginPage.tsx";
import { signedIn, signIn, takeTokenFromAddress } from "./state/session.ts";

const linked = takeTokenFromAddress();

/** The pages for whoever has shown the token, and the one that asks for it. */
export function App() {
  const opening = useSignal(linked !== null);
  const failure = useSignal<Failure | null>(null);
  useEffect(() => {
    if (linked === null) return;
    signIn(linked)
      .catch((error: unknown) => failure.value = Failure.of(error))
      .finally(() => opening.value = false);
  }, []);
  if (opening.value) return null;
  if (!signedIn()) return <LoginPage failure={failure.value} />;
  return (
    <LocationProvider>
      <Frame />
    </LocationProvider>
  );
}
