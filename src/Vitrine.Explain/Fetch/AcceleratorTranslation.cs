using Vitrine.Explain.Model;
using Vitrine.X86;

namespace Vitrine.Explain.Fetch;

/// <summary>What the accelerator that runs a machine does with an address, beside what the guest's tables say.</summary>
internal static class AcceleratorTranslation
{
    /// <summary>Adds what the accelerator itself has to say of an address.</summary>
    public static TranslationStory Add(VirtualMachine machine, TranslationStory story, bool isFetch, int vcpu)
    {
        if (machine.GetMmu(vcpu) is { } mmu) return story with { Mmu = SoftwareMmuExplanation.Before(mmu, story) };
        if (machine.Accelerator != "kvm") return story;
        return AddKvm(story, machine.TryTranslate(vcpu, new Gva(story.Linear), out Gpa gpa) ? gpa : null, isFetch);
    }

    /// <summary>Adds what the host's own KVM has to say of an address, and what follows of its MMU, into which nobody can look.</summary>
    /// <param name="story">The address.</param>
    /// <param name="answer">KVM's own answer; null where nothing is mapped.</param>
    /// <param name="isFetch">An instruction is fetched.</param>
    public static TranslationStory AddKvm(TranslationStory story, Gpa? answer, bool isFetch)
    {
        // KVM_TRANSLATE looks at the guest's tables but not at rights: a walk that ends in a protection fault has an address all the same.
        bool agrees = story.Gpa is { } expected ? answer?.Value == expected : answer is null || story.PageFaultErrorCode is > 0;
        return story with
        {
            Kvm = new KvmTranslation(answer is not null, answer?.Value ?? 0, agrees),
            Mmu = KvmMmuExplanation.Of(KvmMmu.OfThisHost(), story, isFetch),
        };
    }
}
