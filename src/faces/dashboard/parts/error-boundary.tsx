import { Component } from "preact";
import type { ComponentChildren } from "preact";
import { wordsOf } from "../app/api.ts";
import { Failure } from "./card.tsx";

/** Keeps the rest of the page when a part of it fails. */
export class ErrorBoundary extends Component<
  { children: ComponentChildren; what: string },
  { error: unknown }
> {
  override state: { error: unknown } = { error: null };

  static override getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return <>{this.props.children}</>;
    return (
      <Failure
        says={`${this.props.what} cannot be shown because of a fault in the dashboard: ${wordsOf(error)}`}
        retry={() => this.setState({ error: null })}
      />
    );
  }
}
