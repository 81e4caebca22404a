using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace QuantBuild.Reporting.Tests;

internal sealed class ReportHtmlTests
{
    [Test]
    public void Write_FailedReport_SaysWhatMatters()
    {
        var html = ReportHtml.Write(Reports.Failed);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(html, Does.Contain("<p class=\"verdict failed\">Failed: MaxAccuracyDrop is 0.0233, limit 0.01</p>"));
            Assert.That(html, Does.Contain("drop 0.0233 on 360 evaluation samples"));
            Assert.That(html, Does.Contain("<span class=\"from\">1.0 MiB →</span> 280 KiB"));
            Assert.That(html, Does.Contain("2.60× as fast (2.41× to 2.78×)").Or.Contain("2.60&#215; as fast (2.41&#215; to 2.78&#215;)"));
            Assert.That(html, Does.Contain("<td class=\"number\">4</td><td class=\"number\">0.22 ms</td><td class=\"number\">0.11 ms</td><td class=\"number\">0.10 ms</td>"));
            Assert.That(html, Does.Contain("no certain difference (0.98"));
            Assert.That(html, Does.Contain("<p>2 QLinearConv, 2 Transpose, 1 QGemm; 2 Q and 1 DQ still run</p>"));
            Assert.That(html, Does.Contain("<code>head|conv</code></td><td>its output is &lt;read&gt; in float</td>"));
            Assert.That(html, Does.Contain("QB3001").And.Contain("QB2030"));
            Assert.That(html, Does.Contain("<td>2 Softmax</td><td>ONNX Runtime has no INT8 kernel for it</td>"));
        }
    }

    [Test]
    public void Write_Operators_HaveBarsTheWorstFirst()
    {
        var bars = Regex.Matches(ReportHtml.Write(Reports.Passed), "<code>([^<]*)</code>.*?<div class=\"fill([^\"]*)\" style=\"width:([^\"]*)\"");

        Assert.That(bars.Select(bar => (bar.Groups[1].Value, bar.Groups[2].Value, bar.Groups[3].Value)), Is.EqualTo(new[]
        {
            ("conv2", " fair", "36.4%"), ("conv1", "", "48.6%"), ("pool", "", "81.0%"),
        }));
    }

    [Test]
    public void Write_AnyReport_NeedsNothingFromElsewhere()
    {
        var html = ReportHtml.Write(Reports.Failed);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(html, Does.Not.Contain("<script").And.Not.Contain("<link").And.Not.Contain("src=").And.Not.Contain("@import").And.Not.Contain("url("));
            Assert.That(html, Does.Contain("prefers-color-scheme: dark"));
        }
    }

    [Test]
    public void Write_PrunedAlone_IsNotCalledInt8() => Assert.That(
        ReportHtml.Write(Reports.Pruned), Does.Contain("<th class=\"number\">pruned</th>").And.Not.Contain("INT8"));

    [Test]
    public void Write_TextFromAModel_IsNotMarkup()
    {
        var report = Reports.Passed with { Model = "<b>&\".onnx", Gates = [] };

        var html = ReportHtml.Write(report);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(html, Does.Contain("<h1>&lt;b&gt;&amp;&quot;.onnx</h1>").And.Not.Contain("<b>"));
            Assert.That(html, Does.Contain("&lt;of other ranges&gt;"));
        }
    }

    [Test]
    public void Write_Body_IsWellFormed()
    {
        foreach (var report in new[] { Reports.Passed, Reports.Failed, Reports.Pruned, Reports.Bare })
        {
            var html = ReportHtml.Write(report);
            var body = html[html.IndexOf("<main>", StringComparison.Ordinal)..html.IndexOf("</body>", StringComparison.Ordinal)];

            Assert.That(XElement.Parse(body).Element("h1")!.Value, Is.EqualTo(report.Model));
        }
    }
}
