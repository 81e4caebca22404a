namespace QuantBuild.Onnx.Tests;

internal sealed class GraphTests
{
    [Test]
    public void ReplaceAllUsesWith_GraphOutput_KeepsTheOutputsName()
    {
        var model = Model.Create("g", 17);
        var x = model.Graph.AddInput("x");
        var relu = model.Graph.AddNode("Relu", [x], "y");
        model.Graph.AddOutput(relu.Output);

        var negated = model.Graph.AddNode("Neg", [relu.Output], "z");
        var old = relu.Output;
        old.ReplaceAllUsesWith(negated.Output);
        negated.SetInput(0, old);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Graph.Outputs.Single().Producer, Is.SameAs(negated));
            Assert.That(model.Graph.Outputs.Single().Name, Is.EqualTo("y"));
            Assert.That(GraphVerifier.Violations(model.Graph), Is.Empty);
        }
    }

    [Test]
    public void ReplaceAllUsesWith_OutputByInput_GoesThroughAnIdentity()
    {
        var model = Model.Create("g", 17);
        var x = model.Graph.AddInput("x");
        var dropout = model.Graph.AddNode("Dropout", [x], "y");
        model.Graph.AddOutput(dropout.Output);

        dropout.Output.ReplaceAllUsesWith(x);
        model.Graph.Remove(dropout);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(model.Graph.Nodes.Select(node => node.OpType), Is.EqualTo(["Identity"]));
            Assert.That(model.Graph.Outputs.Single().Name, Is.EqualTo("y"));
            Assert.That(GraphVerifier.Violations(model.Graph), Is.Empty);
        }
    }

    [Test]
    public void Remove_NodeThatIsUsed_Throws()
    {
        var model = Model.Create("g", 17);
        var first = model.Graph.AddNode("Relu", [model.Graph.AddInput("x")], "a");
        model.Graph.AddNode("Relu", [first.Output], "b");

        Assert.That(() => model.Graph.Remove(first), Throws.InvalidOperationException);
    }

    [Test]
    public void UniqueName_TakenHint_GetsANumber()
    {
        var model = Model.Create("g", 17);
        model.Graph.AddInput("x");

        Assert.That(model.Graph.UniqueName("x"), Is.EqualTo("x_1"));
    }

    [Test]
    public void Violations_ReadBeforeMade_NamesTheGraph()
    {
        var model = Model.Create("g", 17);
        var x = model.Graph.AddInput("x");
        var first = model.Graph.AddNode("Relu", [x], "a");
        var second = model.Graph.AddNode("Neg", [x], "b");
        first.SetInput(0, second.Output);

        Assert.That(GraphVerifier.Violations(model.Graph).Single(), Does.Contain("before it is made"));
    }
}
