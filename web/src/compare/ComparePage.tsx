import { Page } from "@/ui/Page";

export default function ComparePage() {
  return (
    <Page title="ComparePage" documentTitle="ComparePage">
      <p>ComparePage</p>
    </Page>
  );
}
