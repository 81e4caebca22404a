using System.CommandLine;
using System.CommandLine.Parsing;
using QuantBuild.Onnx.Diagnostics;

namespace QuantBuild.Tool.CommandLine;

/// <summary>Says in one line what is wrong with a command line, and what was probably meant.</summary>
internal static class CommandLineErrors
{
    /// <summary>Null where the line is understood.</summary>
    public static QuantBuildException? Find(ParseResult line)
    {
        if (AsksForHelp(line))
        {
            return null;
        }

        var message = UnknownOption(line) ?? UnknownVerb(line) ?? Unexpected(line) ?? (line.Errors is [var error, ..] ? error.Message : null);
        return message is null
            ? null
            : new(DiagnosticCodes.BadCommandLine, $"{message.TrimEnd('.', '?')}{(message.EndsWith('?') ? '?' : '.')} Run '{Path(line.CommandResult)} --help' for what can be given.");
    }

    /// <summary>--help and --version bring an action of their own, which the rest of the line does not matter to.</summary>
    private static bool AsksForHelp(ParseResult line) =>
        Options(line.CommandResult).Any(option => option.Action is not null && line.GetResult(option) is { Implicit: false });

    /// <summary>A word that starts like an option is never a path or a value: the parser alone would take it for one.</summary>
    private static string? UnknownOption(ParseResult line)
    {
        var word = line.Tokens
            .TakeWhile(token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(token => token.Type == TokenType.Argument && LooksLikeOption(token.Value))?.Value;
        if (word is null)
        {
            return null;
        }

        var name = word.Split('=', ':')[0];
        var command = line.CommandResult.Command;
        var offered = Options(line.CommandResult).Where(option => !option.Hidden).SelectMany(option => option.Aliases.Prepend(option.Name));
        return $"{Subject(command)} has no option '{name}'{Suggestion(name, offered)}";
    }

    private static string? UnknownVerb(ParseResult line)
    {
        if (line.CommandResult.Command is not RootCommand root)
        {
            return null;
        }

        var verbs = root.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name).ToArray();
        var list = string.Join(", ", verbs);
        return line.Tokens.FirstOrDefault(token => token.Type == TokenType.Argument)?.Value is { } word
            ? $"There is no verb '{word}' (the verbs are {list}){Suggestion(word, verbs)}"
            : $"No verb is given; the verbs are {list}";
    }

    /// <summary>Most often the shell has made many paths out of one pattern.</summary>
    private static string? Unexpected(ParseResult line) => line.UnmatchedTokens is [var word, ..]
        ? $"'{word}' is one word too many; put a pattern into quotes, so that the shell does not expand it"
        : null;

    private static bool LooksLikeOption(string word) => word.Length > 1 && word[0] == '-' && char.IsAsciiLetter(word.TrimStart('-').FirstOrDefault());

    private static IEnumerable<Option> Options(CommandResult command) => command.Parent is CommandResult parent
        ? command.Command.Options.Concat(parent.Command.Options.Where(option => option.Recursive))
        : command.Command.Options;

    private static string Suggestion(string word, IEnumerable<string> offered) =>
        NearestWord.Find(word, offered) is { } nearest ? $"; did you mean '{nearest}'?" : "";

    private static string Path(CommandResult command) => command.Command is RootCommand ? "quantbuild" : $"quantbuild {command.Command.Name}";

    private static string Subject(Command command) => command is RootCommand ? "quantbuild" : $"'{command.Name}'";
}
