import { Component, type ReactNode, Suspense } from "react";
import { Route, Router, Switch } from "wouter";
import { Session } from "@/access/Session";
import { LinkButton } from "@/ui/Button";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { Toasts } from "@/ui/Toasts";
import { ROUTES } from "./routes";
import { Shell } from "./Shell";

/** The dashboard: its frame and the page that the URL names. */
export function App() {
  return (
    <Router base="/ui">
      <Session>
        <Shell>
          <PageErrors>
            <Suspense fallback={<Skeleton lines={6} label="Loading the page" />}>
              <Switch>
                {ROUTES.map(({ path, page }) => (
                  <Route key={path} path={path} component={page} />
                ))}
                <Route>
                  <Empty
                    title="This page does not exist"
                    action={<LinkButton href="/">Go to Home</LinkButton>}
                  >
                    The address may be mistyped, or the page may have moved.
                  </Empty>
                </Route>
              </Switch>
            </Suspense>
          </PageErrors>
        </Shell>
      </Session>
      <Toasts />
    </Router>
  );
}

/** Shows an error of a page in its place, so that the navigation stays usable. */
class PageErrors extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return <Failure error={this.state.error} onRetry={() => location.reload()} />;
  }
}
