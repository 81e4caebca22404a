using QuantBuild.Onnx;
using QuantBuild.Quantization.Reports;
using QuantBuild.Quantization.Settings;

namespace QuantBuild.Quantization.Tests;

/// <summary>Operators in the branches of If are quantized like those of the main graph.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SubgraphTests : BodyChecks
{
    /// <summary>Random samples take both branches, whose values have the same names.</summary>
    [TestCase(ModelFormat.Qdq, "QLinearConv", "MatMulIntegerToFloat")]
    [TestCase(ModelFormat.QOperator, "QLinearConv", "MatMulIntegerToFloat")]
    [TestCase(ModelFormat.Dynamic, "ConvInteger", "DynamicQuantizeMatMul")]
    public void If_BothBranches_HaveIntegerKernels(ModelFormat format, string convolution, string product)
    {
        var result = Verify(Branches(13), [1, 8, 6, 6], new() { Format = format });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                result.Report.Operators.Where(row => row.Decision != OperatorDecision.Float && row.Type is "Conv" or "MatMul").Select(row => row.Name),
                Is.EqualTo(["choice/then_branch/conv", "choice/then_branch/product", "choice/else_branch/conv", "choice/else_branch/product"]));
            Assert.That(Kernels.Count(type => type == convolution), Is.EqualTo(2));
            Assert.That(Kernels.Count(type => type == product), Is.EqualTo(2));
        }
    }

    /// <summary>They look at what reads a tensor, or at the model's outputs, and reach neither in a body.</summary>
    [TestCase(CalibrationMethodName.Auto, "Mse", "MinMax")]
    [TestCase(CalibrationMethodName.Uniform, "MinMax", "Percentile")]
    [TestCase(CalibrationMethodName.Global, "Mse", "MinMax")]
    public void If_MethodsThatMeasure_ChooseByTheTensorItself(CalibrationMethodName method, params string[] inBodies)
    {
        var result = Verify(Branches(13), [1, 8, 6, 6], new() { Format = ModelFormat.Qdq, CalibrationMethod = method });

        Assert.That(result.Report.Tensors.Select(tensor => tensor.Method), Is.Not.Empty.And.All.AnyOf(inBodies));
    }

    [Test]
    public void If_WeightOnly_BecomesMatMulNBits()
    {
        Verify(Branches(21), [1, 8, 6, 6], new() { Format = ModelFormat.WeightOnly });

        // Its weights must lie in the branch: ONNX Runtime does not look for them around it
        Assert.That(Kernels.Count(type => type == "MatMulNBits"), Is.EqualTo(2));
    }

    [Test]
    public void If_WeightsOfBothBranches_AreStoredOnce()
    {
        var result = Verify(Branches(13), [1, 8, 6, 6], new());

        var main = OnnxFile.FromBytes(result.Model.Span).Graph;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(main.Initializers.Count(value => value.Constant is { Type: ElementType.Int8, ElementCount: 16 * 8 * 3 * 3 }), Is.EqualTo(1));
            Assert.That(main.Nodes.SelectMany(node => node.Subgraphs).SelectMany(graph => graph.Initializers).Where(value => value.Constant!.ElementCount > 64), Is.Empty);
        }
    }

    [Test]
    public void If_BranchThatNoSampleTakes_StaysFloatWithTheReason()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph tiny(x: float[1, 16]) -> (y: float) {
              {{Weights("w", 16, 16)}}
              two: float[] = [2]
              largest = ReduceMax(x) {keepdims = 0}
              never = Greater(largest, two)
              y = If(never) {
                then_branch = graph then() -> (a: float) {
                  a = MatMul(x, w) as product
                },
                else_branch = graph else() -> (a: float) {
                  a = MatMul(x, w) as product
                }
              } as choice
            }
            """);

        var result = Verify(model, [1, 16], new());

        var products = result.Report.Operators.Where(row => row.Type == "MatMul").ToDictionary(row => row.Name);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(products["choice/then_branch/product"].Decision, Is.EqualTo(OperatorDecision.Float));
            Assert.That(products["choice/then_branch/product"].Reason, Is.EqualTo("no sample takes its branch"));
            Assert.That(products["choice/else_branch/product"].Decision, Is.EqualTo(OperatorDecision.Int8));
        }
    }

    /// <summary>The inner If lies in a branch of the outer one and reads values of both scopes around it.</summary>
    [Test]
    public void If_Nested_IsInt8AtEveryDepth()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph tiny(x: float[1, 16]) -> (y: float) {
              {{Weights("w", 16, 16)}}
              {{Weights("v", 16, 16)}}
              zero: float[] = [0]
              before = MatMul(x, w)
              mean = ReduceMean(x) {keepdims = 0}
              outer = Greater(mean, zero)
              y = If(outer) {
                then_branch = graph then() -> (a: float) {
                  middle = MatMul(before, v)
                  least = ReduceMean(middle) {keepdims = 0}
                  inner = Greater(least, zero)
                  a = If(inner) {
                    then_branch = graph deep() -> (b: float) {
                      sum = Add(middle, before)
                      b = MatMul(sum, w)
                    },
                    else_branch = graph other() -> (b: float) {
                      b = MatMul(before, v)
                    }
                  }
                },
                else_branch = graph else() -> (a: float) {
                  a = MatMul(x, v)
                }
              }
            }
            """);

        var result = Verify(model, [1, 16], new());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Count(row => row is { Type: "MatMul", Decision: OperatorDecision.Int8 }), Is.EqualTo(5));
            Assert.That(Kernels.Count(type => type == "MatMulIntegerToFloat"), Is.EqualTo(4));
        }
    }

    /// <summary>Between a convolution in front of the If and one in a branch the value is float.</summary>
    [TestCase(ModelFormat.Qdq)]
    [TestCase(ModelFormat.QOperator)]
    public void If_CapturedActivation_IsQuantizedInTheBranch(ModelFormat format)
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph tiny(x: float[1, 8, 6, 6]) -> (y: float) {
              {{Weights("w", 16, 8, 3, 3)}}
              {{Weights("v", 8, 16, 3, 3)}}
              zero: float[] = [0]
              mean = ReduceMean(x) {keepdims = 0}
              positive = Greater(mean, zero)
              conv = Conv(x, w)
              before = Relu(conv)
              y = If(positive) {
                then_branch = graph then() -> (a: float) {
                  a = Conv(before, v)
                },
                else_branch = graph else() -> (a: float) {
                  pooled = MaxPool(before) {kernel_shape = [1, 1]}
                  a = Conv(pooled, v)
                }
              }
            }
            """);

        var result = Verify(model, [1, 8, 6, 6], new() { Format = format });

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Count(row => row is { Type: "Conv", Decision: OperatorDecision.Int8 }), Is.EqualTo(3));
            Assert.That(Kernels.Count(type => type == "QLinearConv"), Is.EqualTo(2));
        }
    }

    /// <summary>ONNX Runtime 1.31 ends the process where it may carry a DQ through the Transpose to the branches.</summary>
    [Test]
    public void If_CapturedBehindTranspose_HasQAndDqBetween()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph tiny(x: float[1, 8, 6, 6]) -> (y: float) {
              {{Weights("w", 16, 8, 3, 3)}}
              zero: float[] = [0]
              mean = ReduceMean(x) {keepdims = 0}
              positive = Greater(mean, zero)
              conv = Conv(x, w)
              turned = Transpose(conv) {perm = [0, 2, 3, 1]}
              flat = Flatten(turned)
              y = If(positive) {
                then_branch = graph then() -> (a: float) {
                  a = Tanh(flat)
                },
                else_branch = graph else() -> (a: float) {
                  a = Neg(flat)
                }
              }
            }
            """);

        var result = Verify(model, [1, 8, 6, 6], new());

        Assert.That(result.Report.Operators.Where(row => row.Decision == OperatorDecision.Int8).Select(row => row.Type), Is.EqualTo(["Conv", "Transpose", "Flatten"]));
    }

    /// <summary>A BatchNormalization, a Constant, a Gemm with alpha and a MatMul with an Add, as the passes want them.</summary>
    [Test]
    public void If_Branches_ArePreparedToo()
    {
        var model = GraphText.Parse(
            $$"""
            opset 13
            graph tiny(x: float[1, 8, 6, 6]) -> (y: float) {
              {{Weights("w", 16, 8, 3, 3)}}
              {{Weights("v", 16, 16)}}
              {{Weights("bias", 16)}}
              ones: float[16] = [1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5]
              zero: float[] = [0]
              mean = ReduceMean(x) {keepdims = 0}
              positive = Greater(mean, zero)
              y = If(positive) {
                then_branch = graph then() -> (a: float) {
                  conv = Conv(x, w)
                  norm = BatchNormalization(conv, ones, bias, bias, ones)
                  pooled = GlobalAveragePool(norm)
                  two = Constant() {value_int = 2}
                  axes = Add(two, two)
                  flat = Flatten(pooled)
                  a = Gemm(flat, v, bias) {alpha = 0.5}
                },
                else_branch = graph else() -> (a: float) {
                  conv = Conv(x, w)
                  pooled = GlobalAveragePool(conv)
                  flat = Flatten(pooled)
                  product = MatMul(flat, v)
                  a = Add(product, bias)
                }
              }
            }
            """);

        var result = Verify(model, [1, 8, 6, 6], new());

        using (Assert.EnterMultipleScope())
        {
            Assert.That(result.Report.Operators.Select(row => row.Type), Has.None.AnyOf("BatchNormalization", "Constant", "MatMul", "Add"));
            Assert.That(result.Report.Operators.Count(row => row is { Type: "Gemm", Decision: OperatorDecision.Int8 }), Is.EqualTo(2));
            Assert.That(Kernels, Has.None.EqualTo("Gemm"));
        }
    }

    /// <summary>Two branches with the same weights, of which each makes something else of x.</summary>
    private Model Branches(int opset) => GraphText.Parse(
        $$"""
        opset {{opset}}
        graph tiny(x: float[1, 8, 6, 6]) -> (y: float) {
          {{Weights("w", 16, 8, 3, 3)}}
          {{Weights("v", 256, 32)}}
          zero: float[] = [0]
          mean = ReduceMean(x) {keepdims = 0}
          positive = Greater(mean, zero)
          y = If(positive) {
            then_branch = graph then() -> (a: float) {
              made = Conv(x, w) as conv
              active = Relu(made)
              flat = Flatten(active)
              a = MatMul(flat, v) as product
            },
            else_branch = graph else() -> (a: float) {
              twice = Add(x, x)
              made = Conv(twice, w) as conv
              active = Relu(made)
              flat = Flatten(active)
              a = MatMul(flat, v) as product
            }
          } as choice
        }
        """);
}
