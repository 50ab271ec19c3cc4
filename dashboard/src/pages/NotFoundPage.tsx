export function NotFoundPage() {
  return (
    <div class="page">
      <h1>There is nothing here</h1>
      <p>
        <a href="/">Back to the functions</a>
      </p>
    </div>
  );
}
