using Google.Protobuf;
using QuantBuild.Onnx.Schema;

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

    /// <summary>Some exporters let the names in a branch begin anew; ONNX Runtime takes that.</summary>
    [Test]
    public void Read_NameInABranchThatHidesOne_IsRenamed()
    {
        var branch = new GraphProto
        {
            Name = "branch",
            Node = { new NodeProto { OpType = "Relu", Input = { "x" }, Output = { "y" } }, new NodeProto { OpType = "Neg", Input = { "y" }, Output = { "z" } } },
            Output = { new ValueInfoProto { Name = "z" } },
        };
        NodeProto If(string output) => new()
        {
            OpType = "If",
            Input = { "c" },
            Output = { output },
            Attribute = { new AttributeProto { Name = "then_branch", G = branch.Clone(), Type = AttributeProto.Types.AttributeType.Graph } },
        };
        var proto = new ModelProto
        {
            Graph = new GraphProto
            {
                Input = { new ValueInfoProto { Name = "x" }, new ValueInfoProto { Name = "c" } },
                Node = { If("y"), If("z") },
                Output = { new ValueInfoProto { Name = "y" }, new ValueInfoProto { Name = "z" } },
            },
        };

        var graph = OnnxFile.FromBytes(proto.ToByteArray()).Graph;

        var inner = graph.Nodes[0].Subgraphs.Single();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(GraphVerifier.Violations(graph), Is.Empty);
            Assert.That(graph.Outputs.Select(output => output.Name), Is.EqualTo(["y", "z"]));
            Assert.That(inner.Outputs.Single().Producer?.OpType, Is.EqualTo("Neg"));
            Assert.That(inner.Nodes[1].Inputs.Single(), Is.SameAs(inner.Nodes[0].Output));
            Assert.That(inner.Nodes[0].Inputs.Single(), Is.SameAs(graph.Inputs[0]));
        }
    }
}
