using System.Reflection;
using Vitrine.Errors;

namespace Vitrine.Tests.Errors;

/// <summary>The library's error codes.</summary>
internal static class ErrorCodes
{
    /// <summary>Each code by the name of its constant.</summary>
    public static IReadOnlyDictionary<string, string> All { get; } = typeof(ErrorCode).GetFields(BindingFlags.Public | BindingFlags.Static)
        .ToDictionary(field => field.Name, field => (string)field.GetRawConstantValue()!);
}
