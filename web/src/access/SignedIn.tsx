import { Redirect } from "wouter";
import { pageAfterSignIn } from "./landing";

/** Leads a person who has signed in to the page that they wanted. */
export default function SignedIn() {
  return <Redirect to={pageAfterSignIn(location).slice("/ui".length)} replace />;
}
