namespace QuantBuild.Onnx.Text;

internal enum TokenKind
{
    End,
    Name,
    Quoted,
    Number,
    Symbol,
}

internal readonly record struct TextToken(TokenKind Kind, int Start, int Length, int Line);
