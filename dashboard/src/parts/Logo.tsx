/** A moon: functions sleep until they are called. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M17.6 16.3A7.6 7.6 0 0 1 9.4 5.5a7.6 7.6 0 1 0 8.2 10.8z" />
    </svg>
  );
}
